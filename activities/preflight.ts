import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { Secrets, TargetPorts } from '../adapters/ports.js';
import { unableGates, unableSteps, unableText } from '../core/capabilities.js';
import type { EndpointRef, PreflightInput, PreflightResult } from '../core/activities.js';
import type { EndpointState } from '../core/endpoint.js';
import { FailureType } from '../core/failures.js';
import type { MetricsSnapshot } from '../core/metrics.js';
import { ownQueriesOf, type Plan } from '../core/plan.js';
import { PortError } from '../core/port-error.js';
import { absurdCounters, checkEndpoint } from '../core/preflight.js';
import { secretNames, withoutSecrets } from '../core/secrets.js';
import { durationText } from '../core/units.js';
import { beating } from './poll.js';
import { deploymentDigest } from './tags.js';

/** Older data than this says nothing about now. */
const FRESH_MS = 5 * 60_000;

/**
 * Looks at everything that a rollout needs, and changes nothing.
 *
 * @throws ApplicationFailure `Rejected` with all problems at once; port failures when the target does not answer.
 */
export async function preflight(
  ports: TargetPorts,
  secrets: Secrets,
  { plan, rolloutId, endpoint }: PreflightInput & EndpointRef,
): Promise<PreflightResult> {
  const signal = cancellationSignal();
  const state = await beating(() => readEndpoint(ports, endpoint, signal));
  const check = checkEndpoint(plan, state, rolloutId, deploymentDigest(plan.deployment));
  const { snapshot, problems } = await beating(() =>
    checkMetrics(ports, plan, { kind: state.kind, baseline: check.baseline }, signal),
  );

  const can = await beating(() => ports.endpoints.capabilities(endpoint, { signal }));
  const unable = unableSteps(plan.steps, can).map((found) => unableText(found, plan.steps));
  const autoscale =
    check.baseline === ''
      ? null
      : await beating(async () => ports.autoscaling?.read(endpoint, check.baseline, { signal }) ?? null);
  const own = await beating(() => checkOwnMetrics(ports, plan, signal));
  const secretless = await missingSecrets(secrets, plan);
  const all = [...check.problems, ...unable, ...problems, ...own, ...secretless];
  if (all.length > 0) throw rejected(await quotingNone(secrets, plan, all));
  return {
    baseline: check.baseline,
    before: state.traffic,
    greenExists: check.greenExists,
    metrics: snapshot,
    ...(autoscale === null ? {} : { autoscaled: true }),
    instances: instancesOf(state, [check.baseline, ...(check.greenExists ? [plan.deployment.name] : [])]),
  };
}

function instancesOf({ deployments }: EndpointState, names: readonly string[]): Record<string, number> {
  const known = deployments.filter(({ name }) => names.includes(name));
  return Object.fromEntries(known.map(({ name, instances }) => [name, instances.wanted]));
}

async function readEndpoint(ports: TargetPorts, name: string, signal: AbortSignal): Promise<EndpointState> {
  try {
    return await ports.endpoints.read(name, { signal });
  } catch (err) {
    if (err instanceof PortError && err.code === 'ResourceNotFound') throw rejected([err.message]);
    throw err;
  }
}

async function checkMetrics(
  ports: TargetPorts,
  plan: Plan,
  { kind, baseline }: { readonly kind: EndpointState['kind']; readonly baseline: string },
  signal: AbortSignal,
): Promise<{ readonly snapshot: MetricsSnapshot | null; readonly problems: readonly string[] }> {
  const watched = plan.steps.some(
    (step) => step.kind === 'mirror' || step.kind === 'ramp' || step.kind === 'bake',
  );
  if (!watched) return { snapshot: null, problems: [] };
  const unable = unableGates(plan.steps, plan.gates, ports.metrics.capabilities, kind);
  const problems = unable.map((found) => unableText(found, plan.steps));
  try {
    const both = [baseline, plan.deployment.name];
    const snapshot = await ports.metrics.read(plan.endpoint, both, { signal });
    problems.push(...absurdCounters(snapshot, both));
    if (snapshot.ageMs > FRESH_MS) {
      problems.push(
        `The newest metrics are ${durationText(snapshot.ageMs)} old; gates need data of the last ${durationText(FRESH_MS)}. Is the metric source running?`,
      );
    }
    return { snapshot, problems };
  } catch (err) {
    if (!(err instanceof PortError) || err.kind !== 'permanent') throw err;
    return { snapshot: null, problems: [...problems, metricsProblem(err)] };
  }
}

/** Gates with a metric of the user's own need a source that knows it. */
async function checkOwnMetrics(
  ports: TargetPorts,
  plan: Plan,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const queries = ownQueriesOf(plan.gates);
  const [first] = Object.keys(queries);
  if (first === undefined) return [];
  if (ports.own === undefined) {
    return [
      `Gate ${first} asks Prometheus, and this worker knows none; start it with GREENLIGHT_PROMETHEUS_URL in its environment`,
    ];
  }
  try {
    return await ports.own.check(queries, { signal });
  } catch (err) {
    if (!(err instanceof PortError) || err.kind !== 'permanent') throw err;
    return [metricsProblem(err)];
  }
}

/** Asked for before anything is changed, and not kept: the deployment's creation asks again. */
async function missingSecrets(secrets: Secrets, plan: Plan): Promise<readonly string[]> {
  const asked = secretNames(plan.deployment).map((name) =>
    secrets(name).then(
      () => [],
      (err: unknown) => {
        if (!(err instanceof PortError) || err.kind !== 'permanent') throw err;
        return [err.message];
      },
    ),
  );
  return (await Promise.all(asked)).flat();
}

/** A green that stands there already says why it failed, in words that may quote what it was given. */
function quotingNone(secrets: Secrets, plan: Plan, problems: readonly string[]): Promise<string[]> {
  return Promise.all(problems.map((problem) => withoutSecrets(problem, plan.deployment, secrets)));
}

function metricsProblem(err: PortError): string {
  return `The metric source does not answer, and no gate can judge without it: ${err.message}`;
}

function rejected(problems: readonly string[]): ApplicationFailure {
  const [first] = problems;
  const message =
    problems.length === 1
      ? `Preflight: ${first}`
      : `Preflight found ${problems.length} problems: ${problems.map((p, i) => `(${i + 1}) ${p}`).join('; ')}`;
  return ApplicationFailure.nonRetryable(message, FailureType.Rejected, { problems });
}
