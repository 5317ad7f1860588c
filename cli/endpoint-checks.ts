import type { AdminTargetPorts } from '../adapters/targets.js';
import { namesServer } from '../client/temporal.js';
import { endpointArgument, type Located } from '../core/command-text.js';
import { findDeployment, type EndpointState } from '../core/endpoint.js';
import { UPDATE_AGAIN } from '../core/preflight.js';
import { targetName } from '../core/plan.js';
import { sumShares, trafficText, wholeHolder } from '../core/traffic.js';
import { counted, durationText } from '../core/units.js';
import { ok, problem, splitAdvice, textOf, warning, type Check } from './checks.js';
import type { Context } from './context.js';
import { endpointNoun, openTarget } from './endpoints.js';
import { scaledIn } from './scaled-in.js';

const ASK_MS = 10_000;
/** Without an endpoint of its own to look at, `doctor` looks at so many. */
const MOST = 5;
/** Older evidence than this is no picture of now; Azure's settles for three minutes. */
const OLD_MS = 10 * 60_000;

/** The target, and its endpoints: the one that was named, or the first ones. */
export async function checkTarget(ctx: Context, endpoint: string | undefined): Promise<readonly Check[]> {
  const name = { host: 'Endpoint host', azureml: 'Azure ML', kubernetes: 'Kubernetes' }[ctx.target.kind];
  const signal = AbortSignal.timeout(ASK_MS);
  try {
    const ports = await openTarget(ctx);
    const all = await ports.endpoints.listEndpoints({ signal });
    const names = endpoint === undefined ? all.slice(0, MOST).map((one) => one.name) : [endpoint];
    return [
      ok(name, `${targetName(ctx.target)} answers, with ${counted(all.length, endpointNoun(ctx.target))}`),
      ...(
        await Promise.all(
          names.map((one) => checkEndpoint(ports, { target: ctx.target, endpoint: one }, signal)),
        )
      ).flat(),
    ];
  } catch (error) {
    const [found, advice] = splitAdvice(textOf(error));
    return [problem(name, found, ctx.target.kind === 'host' ? startHostText(ctx) : advice)];
  }
}

/** Where a server is named, what starts the host starts a worker for that one, too. */
function startHostText({ env }: Context): string {
  return namesServer(env)
    ? 'name the target with --target or GREENLIGHT_TARGET, if it is another one; the endpoint host comes with `greenlight up`, and with it a worker for your Temporal'
    : 'run `greenlight up`';
}

async function checkEndpoint(
  ports: AdminTargetPorts,
  of: Located,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const name = of.endpoint;
  const on = endpointArgument(of);
  const about = `Endpoint ${name}`;
  let state: EndpointState;
  try {
    state = await ports.endpoints.read(name, { signal });
  } catch (error) {
    const [found, advice] = splitAdvice(textOf(error));
    return [problem(about, found, advice)];
  }
  // A rollout is refused by that, whatever the shares are.
  if (state.state === 'failed') {
    const [found, advice] =
      state.error === undefined ? ['its last operation failed', UPDATE_AGAIN] : splitAdvice(state.error);
    return [problem(about, found, advice)];
  }
  const baseline = wholeHolder(state.traffic.live);
  const holder = baseline === undefined ? undefined : findDeployment(state, baseline);
  if (baseline === undefined || holder?.state !== 'ready') {
    const found =
      baseline === undefined
        ? `no deployment holds all live traffic (${trafficText(state.traffic)})`
        : `${baseline} holds all live traffic, and is ${holder?.state ?? 'not there'}`;
    const mend =
      sumShares(state.traffic.live) === 0
        ? `\`greenlight endpoint create ${on} --deployment FILE\` gives it its first deployment; \`greenlight revert ${on} --to DEPLOYMENT\` turns one on`
        : `finish the shift that is under way, or \`greenlight revert ${on} --to DEPLOYMENT\``;
    return [warning(about, found, mend)];
  }
  const served = ok(about, `${state.state}, ${trafficText(state.traffic)}`);
  const gone = await scaledIn(ports, name, baseline, { signal });
  return [
    served,
    await checkMetrics(ports.metrics, state, baseline, signal),
    ...(gone === undefined ? [] : [warning(`Instances of ${name}`, gone.because, gone.instead)]),
  ];
}

/** Whether gates would have something to judge by. */
async function checkMetrics(
  metrics: AdminTargetPorts['metrics'],
  { name, kind }: EndpointState,
  baseline: string,
  signal: AbortSignal,
): Promise<Check> {
  const about = `Metrics of ${name}`;
  const blind = kind === 'kubernetes' ? metrics.capabilities.kubernetes : undefined;
  if (blind !== undefined) return warning(about, blind.because, blind.instead);
  try {
    const { ageMs, deployments } = await metrics.read(name, [baseline], { signal });
    const { requests = 0 } = deployments[baseline]?.live ?? {};
    const found = `${requests.toLocaleString('en')} requests of ${baseline} so far, ${durationText(Math.round(ageMs / 1000) * 1000)} old`;
    if (ageMs > OLD_MS) {
      return warning(about, found, 'gates judge by what is recent: see whether the source still gathers');
    }
    if (requests > 0) return ok(about, found);
    return warning(about, found, 'gates need requests: without any, no step can be proven');
  } catch (error) {
    const [found, advice] = splitAdvice(textOf(error));
    return problem(about, found, advice);
  }
}
