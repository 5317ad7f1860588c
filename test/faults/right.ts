import type { Traffic } from '../../core/traffic.js';
import type { CellFacts } from './facts.js';
import { problemsOf } from './judge.js';
import { REFERENCE } from './specs.js';

export const BLUE: Traffic = { live: { blue: 100 }, mirror: {} };
export const SPLIT: Traffic = { live: { blue: 75, green: 25 }, mirror: {} };
export const HALF: Traffic = { live: { blue: 50, green: 50 }, mirror: {} };
export const answer = { atMs: 1_000, latencyMs: 5, status: 200, deployment: 'blue', version: 'blue' };
export const lost = { ...answer, atMs: 1_500, status: null, deployment: null, version: null };
const READY = { blue: null, green: null };
export const DOWN = { blue: null, green: 'without a ready instance' };
export const look = (atMs: number, traffic = SPLIT, deployments: Record<string, string | null> = READY) => ({
  atMs,
  traffic,
  deployments,
});
export const left = (name: string, ready = 1) => ({
  ...{ name, state: 'ready' as const, instances: { wanted: 1, ready } },
});
export const step = (label: string, stopped = false) => ({
  ...{ label, stopped, startedAtMs: 0, endedAtMs: 0, result: '', evidence: [] },
});
export const wrote = (id: number, atMs: number, to = SPLIT) => [
  { id, what: 'ActivityTaskScheduled setTraffic', atMs, to },
  { id: id + 1, what: 'ActivityTaskCompleted setTraffic', atMs: atMs + 100 },
];

export const REPORT = {
  outcome: 'aborted' as const,
  ...{ endpoint: 'e', target: 'host', baseline: 'blue', green: 'green', startedAtMs: 0, endedAtMs: 0 },
  reason: 'aborted by ada: changed her mind',
  rollbackMs: 300,
  steps: [step('create'), step('ramp 25 %', true)],
  ...{ actions: [], notes: [], dispersion: {}, left: [] },
};

/** An abort as it should be, with a worker killed at 1,000 and back at 2,000. */
export const RIGHT: CellFacts = {
  spec: REFERENCE.abort,
  victim: 'worker',
  killedAtMs: 1_000,
  missedAtMs: null,
  readsMs: Array.from({ length: 1_000 }, (_, i) => i * 100),
  mendedAtMs: 2_000,
  brokeAtMs: null,
  report: REPORT,
  outcome: 'aborted',
  events: [
    ...wrote(1, 500),
    { id: 3, what: 'WorkflowExecutionUpdateAccepted', atMs: 5_000 },
    ...wrote(4, 5_100, BLUE),
  ],
  rollbackMs: 200,
  traffic: BLUE,
  deployments: [left('blue')],
  way: [BLUE, SPLIT, BLUE],
  wrongSums: [],
  looks: [look(500, BLUE), look(700), look(1_400), look(5_150), look(5_300, BLUE)],
  operations: [
    'endpoint-put',
    'deployment-put blue',
    'endpoint-put',
    'deployment-put green',
    'deployment-delete green',
  ],
  writes: 4,
  restarts: 0,
  answers: [answer],
};
export const with_ = (facts: Partial<CellFacts>): readonly string[] => problemsOf({ ...RIGHT, ...facts });

/** The end of a rollout that took a bad green back. */
export const ROLLED_BACK: Partial<CellFacts> = {
  spec: REFERENCE['roll-back'],
  outcome: 'rolled-back',
  report: {
    ...REPORT,
    outcome: 'rolled-back',
    reason: 'green answered 20 of 20 with an error, …; a healthy green does worse less than … (gate errors)',
    steps: [step('create'), step('ramp 50 %', true)],
  },
  way: [BLUE, HALF, BLUE],
  events: [
    ...wrote(1, 500, HALF),
    { id: 3, what: 'ActivityTaskCompleted watch', atMs: 5_000 },
    ...wrote(4, 5_100, BLUE),
  ],
};
