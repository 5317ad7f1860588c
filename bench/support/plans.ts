import type { DeploymentSpec } from '../../core/deployment.js';
import type { Gate, Plan, ShiftStep, Step } from '../../core/plan.js';

const PROBE = {
  initialDelayMs: 0,
  periodMs: 1000,
  timeoutMs: 1000,
  successThreshold: 1,
  failureThreshold: 3,
};

/** A deployment of which nothing is special; tests use it too. */
export const greenDeployment: DeploymentSpec = {
  name: 'green',
  kind: 'managed',
  tags: {},
  properties: {},
  environmentVariables: {},
  instanceCount: 1,
  appInsightsEnabled: false,
  requestSettings: { maxConcurrentRequestsPerInstance: 1, requestTimeoutMs: 5000, maxQueueWaitMs: 500 },
  livenessProbe: PROBE,
  readinessProbe: PROBE,
  scale: { kind: 'default' },
};

const SHARED = {
  role: 'required',
  weight: null,
  blipMs: 10_000,
  dispersion: { mode: 'auto' },
  shared: 'hold',
} as const;

/** The gates of rollout-specs/standard.yml that are required. */
const GATES: readonly Gate[] = [
  { ...SHARED, name: 'errors', metric: 'error-rate', limit: { kind: 'worse-by', share: 0.005, ratio: 1 } },
  { ...SHARED, name: 'slow', metric: 'latency', quantile: 0.95, limit: { kind: 'at-most', ms: 250 } },
];
const NAMES = GATES.map(({ name }) => name);

const ONE_LOOK = { dwell: { atLeastMs: 0, atMostMs: 0 }, undecided: 'proceed' } as const;

function watched(
  kind: ShiftStep['kind'],
  percent: number,
  how: Pick<ShiftStep, 'dwell' | 'undecided'>,
): ShiftStep {
  return { kind, percent, gates: NAMES, ...how };
}

/** Every kind of step that needs no person; each watching step looks once and goes on. */
export const STANDARD_WITHOUT_DWELL: readonly Step[] = [
  { kind: 'create', readyWithinMs: 10_000 },
  { kind: 'smoke', body: '{}', requestFile: 'sample.json', count: 3 },
  watched('mirror', 10, ONE_LOOK),
  watched('ramp', 10, ONE_LOOK),
  watched('ramp', 25, ONE_LOOK),
  watched('ramp', 50, ONE_LOOK),
  { kind: 'cutover' },
  { kind: 'bake', forMs: 0, gates: NAMES, undecided: 'proceed' },
  { kind: 'delete-baseline', drainWithinMs: 1000 },
];

/** A rollout that watches at 10 % until it is ended. */
export const WATCHING: readonly Step[] = [
  { kind: 'create', readyWithinMs: 10_000 },
  watched('ramp', 10, { dwell: { atLeastMs: 3_600_000, atMostMs: 7_200_000 }, undecided: 'hold' }),
];

/** A plan for a memory endpoint, which is a workspace of its own; looks of one second if nothing else is said. */
export function benchPlan(endpoint: string, steps: readonly Step[], intervalMs = 1000): Plan {
  return {
    planVersion: 1,
    endpoint,
    target: { kind: 'host', workspace: endpoint },
    baseline: null,
    deployment: greenDeployment,
    adopt: false,
    afterRollback: 'delete-green',
    rollbackWithinMs: 60_000,
    watching: { intervalMs, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 },
    gates: GATES,
    steps,
    digest: 'bench',
  };
}
