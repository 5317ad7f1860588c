import { setTimeout as sleep } from 'node:timers/promises';
import type { Secrets } from '../../adapters/ports.js';
import { machineSecrets } from '../../adapters/secrets.js';
import { endpointArgument } from '../../core/command-text.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import type { EndpointState } from '../../core/endpoint.js';
import type { Target } from '../../core/plan.js';
import { PortError, reworded } from '../../core/port-error.js';
import { withoutSecrets, withSecrets } from '../../core/secrets.js';
import { normalTraffic, sumShares } from '../../core/traffic.js';
import { shortDuration } from '../../core/units.js';
import { loadDeployment, renderProblems } from '../../spec/index.js';
import type { Context } from '../context.js';
import { endpointText } from '../endpoint-view.js';
import { openEndpoints, writeAndReadBack } from '../endpoints.js';
import { CliError } from '../errors.js';
import type { CommandFunction } from '../program.js';

/** Image builds and big models take their time. */
const READY_WITHIN_MS = 60 * 60_000;
const ASK_EVERY_MS = 500;
const TELL_EVERY_MS = 30_000;

type Endpoints = Awaited<ReturnType<typeof openEndpoints>>;

export const endpointCreate: CommandFunction = async (ctx, [name = ''], options) => {
  const { deployment: file } = options as { deployment?: string };
  const first = file === undefined ? undefined : await loadDeployment(file, ctx.target, name);
  if (first !== undefined && first.problems.length > 0) ctx.out.note(renderProblems(first.problems));
  if (first?.ok === false) {
    if (ctx.out.json) ctx.out.result('', { ok: false, problems: first.problems });
    return 'rejected';
  }
  const endpoints = await openEndpoints(ctx);
  ctx.out.note(`creating endpoint ${name}`);
  await endpoints.createEndpoint({ name });
  if (first !== undefined) await firstDeployment(ctx, endpoints, name, first.deployment);

  const created = await endpoints.read(name);
  const on = endpointArgument({ target: ctx.target, endpoint: name });
  const next =
    first === undefined
      ? created.state === 'failed'
        ? 'Mend that first.'
        : `It has no deployment yet: \`greenlight endpoint create ${on} --deployment FILE\` gives it one.`
      : `${keysText(ctx.target, on)}The next version comes with \`greenlight submit SPEC\`.`;
  const { error, ...calm } = created;
  // A gateway takes note of a new route a moment later.
  const passes = error !== undefined && created.state === 'updating';
  ctx.out.result(`${endpointText(passes ? calm : created)}\n\n${next}`, created);
  return 'ok';
};

/** On Kubernetes there are none: who may call is the gateway's to say. */
function keysText({ kind }: Target, on: string): string {
  return kind === 'kubernetes' ? '' : `Keys: \`greenlight endpoint keys ${on}\`. `;
}

async function firstDeployment(
  ctx: Context,
  endpoints: Endpoints,
  endpoint: string,
  deployment: DeploymentSpec,
): Promise<void> {
  const { name } = deployment;
  refuseWhereServed(await endpoints.read(endpoint), name);
  const secrets = machineSecrets(ctx.env);
  const whole = await withSecrets(deployment, secrets);
  ctx.out.note(`creating deployment ${name}`);
  try {
    await endpoints.createDeployment(endpoint, whole, {});
    await untilReady(ctx, endpoints, endpoint, name);
  } catch (error) {
    throw await quotingNoSecret(error, secrets, deployment);
  }
  const all = normalTraffic({ live: { [name]: 100 }, mirror: {} });
  await writeAndReadBack(endpoints, { target: ctx.target, endpoint }, all, ctx.out.note);
}

/** Targets repeat what they were given, and what a terminal shows is kept: by CI, and by who shares it. */
async function quotingNoSecret(
  error: unknown,
  secrets: Secrets,
  deployment: DeploymentSpec,
): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  const message = await withoutSecrets(error.message, deployment, secrets);
  if (message === error.message) return error;
  if (error instanceof PortError) return reworded(error, message);
  return new CliError(error instanceof CliError ? error.exit : 'unexpected', message);
}

/** Only a first deployment may be put in place without watching; what begins half-way is gone on with. */
function refuseWhereServed(found: EndpointState, name: string): void {
  const others = found.deployments.filter((deployment) => deployment.name !== name);
  if (others.length === 0 && sumShares(found.traffic.live) === 0) return;
  throw new CliError(
    'refused',
    `${found.name} has ${found.deployments.map((deployment) => deployment.name).join(', ')} already; only an endpoint's first deployment is created this way.\n` +
      'Roll the next version out with `greenlight submit SPEC`.',
  );
}

async function untilReady(ctx: Context, endpoints: Endpoints, endpoint: string, name: string): Promise<void> {
  const beganMs = Date.now();
  const log = `greenlight logs ${endpointArgument({ target: ctx.target, endpoint })} --deployment ${name}`;
  for (let toldMs = beganMs; ; await sleep(ASK_EVERY_MS)) {
    const found = await endpoints.readDeployment(endpoint, name);
    if (found?.state === 'ready') return;
    if (found?.state === 'failed') {
      throw new CliError(
        'refused',
        `Deployment ${name} of ${endpoint} failed: ${found.error ?? 'without a reason'}\n` +
          `See \`${log}\`, mend its file, and run this again.`,
      );
    }
    const nowMs = Date.now();
    if (nowMs - beganMs > READY_WITHIN_MS) {
      throw new CliError(
        'unreachable',
        `Deployment ${name} of ${endpoint} is ${found?.state ?? 'gone'} after ${shortDuration(READY_WITHIN_MS)}; expected it to be ready.\n` +
          `See \`${log}\`; run this again to wait on.`,
      );
    }
    if (nowMs - toldMs < TELL_EVERY_MS) continue;
    toldMs = nowMs;
    ctx.out.note(
      `deployment ${name} is ${found?.state ?? 'not there yet'} for ${shortDuration(nowMs - beganMs)}`,
    );
  }
}
