import { basename } from 'node:path';
import { detailsOf, isCodecError } from '../../client/errors.js';
import type { Greenlight } from '../../client/greenlight.js';
import type { Rollout } from '../../client/rollout.js';
import type { Queued, SubmitOptions } from '../../client/submit.js';
import { thisUser } from '../../client/who.js';
import { endpointArgument } from '../../core/command-text.js';
import type { Plan } from '../../core/plan.js';
import { staticSummary } from '../../core/status-text.js';
import { givenName, type Context } from '../context.js';
import type { Exit } from '../exit-codes.js';
import { columns, indent } from '../output.js';
import type { CommandFunction } from '../program.js';
import { readSpecInPlace } from '../spec-file.js';
import { idsOf, waitForEnd } from '../wait.js';
import { withGreenlight } from '../with-greenlight.js';

export const submit: CommandFunction = async (ctx, [file = ''], options) => {
  const { wait = false, queue = false, supersede = false } = options as Readonly<Record<string, boolean>>;
  const by = givenName((options as { by?: string }).by) ?? thisUser(ctx.env);
  const spec = await readSpecInPlace(ctx, file);
  if (spec === undefined) return 'rejected';
  const { plan } = spec;
  const name = basename(file);
  return withGreenlight(ctx, async (greenlight) => {
    const whenTaken = queue ? 'queue' : supersede ? 'supersede' : 'refuse';
    const begun = await startWhenFree(ctx, greenlight, plan, { by, name, whenTaken }, wait);
    if (begun === undefined) return 'interrupted';
    if ('kind' in begun) return tellQueued(ctx, begun);
    const rollout = begun;
    if (wait) {
      ctx.out.note(startedText(plan, rollout));
      return waitForEnd(ctx, rollout);
    }
    ctx.out.result(startedText(plan, rollout), {
      ...idsOf(rollout),
      endpoint: plan.endpoint,
      digest: plan.digest,
      by,
      spec: name,
    });
    return heardOf(ctx, rollout);
  });
};

/** @returns undefined when a person ended the waiting. */
async function startWhenFree(
  ctx: Context,
  greenlight: Greenlight,
  plan: Plan,
  options: SubmitOptions,
  wait: boolean,
): Promise<Rollout | Queued | undefined> {
  // Who does not wait is ended by Ctrl-C as every command is.
  const signal = options.whenTaken === 'refuse' ? undefined : ctx.stop();
  try {
    const waiting = { ...options, ...(signal && { signal }), onWait: ctx.out.note };
    return await (wait ? greenlight.submit(plan, waiting) : greenlight.begin(plan, waiting));
  } catch (error) {
    // Any other error has more to say: of a plan that may wait still, how to take it back.
    if (signal?.aborted === true && error === signal.reason) return undefined;
    throw error;
  }
}

function tellQueued(ctx: Context, { entry: { id, plan, by, spec }, place }: Queued): Exit {
  const { endpoint } = plan;
  const on = endpointArgument(plan);
  ctx.out.result(
    [
      `${spec} waits for ${endpoint} as number ${place}, also when this machine is off. It starts when its turn comes.`,
      ...indent(
        columns([
          ['Who waits', `greenlight status ${on}`],
          ['Withdraw it', `greenlight withdraw ${on} --id ${id}`],
        ]),
      ),
    ].join('\n'),
    { endpoint, queued: id, place, digest: plan.digest, by, spec },
  );
  return 'ok';
}

function startedText(plan: Plan, { workflowId, ui }: Rollout): string {
  return [
    `Started ${workflowId} (${staticSummary(plan)})`,
    ...indent(
      columns([
        ...(ui === null ? [] : [['Temporal UI', ui]]),
        ['Status', `greenlight status ${endpointArgument(plan)}`],
        ['Stop it', `greenlight abort ${endpointArgument(plan)} --reason …`],
      ]),
    ),
  ].join('\n');
}

/** A worker that died a moment ago still counts as polling: the first answer is the proof. */
async function heardOf(ctx: Context, rollout: Rollout): Promise<Exit> {
  const answer = await rollout.ask().catch((error: unknown) => {
    if (error instanceof Error && isCodecError(error.cause)) throw error;
    // That it is started is known all the same.
    return { silent: detailsOf(error) };
  });
  if ('status' in answer) return 'ok';
  ctx.out.note(
    `The rollout of ${rollout.endpoint} is started, and no worker has said yet where it stands: ${answer.silent}\n` +
      `It stands safe in Temporal and goes on with the next worker. \`greenlight doctor ${endpointArgument(rollout)}\` shows whether a worker runs, and how to start one.`,
  );
  return 'no-worker';
}
