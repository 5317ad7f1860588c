import type { Rollout } from '../client/rollout.js';
import { AWAY } from '../client/through-outages.js';
import { endpointArgument } from '../core/command-text.js';
import type { Context } from './context.js';
import { exitOf, type Exit } from './exit-codes.js';
import { Story, type Teller } from './story.js';

/**
 * Tells a rollout's story as it happens, until it is over or Ctrl-C.
 *
 * @returns the exit code of how it ended.
 * @throws {GreenlightError} unreachable, when Temporal stays away for five minutes.
 */
export async function waitForEnd(ctx: Context, rollout: Rollout): Promise<Exit> {
  const stop = ctx.stop();
  const teller = await tellerOf(ctx, rollout);
  const on = endpointArgument(rollout);
  try {
    for await (const seen of rollout.observe(AbortSignal.any([stop, teller.left]))) {
      switch (seen.kind) {
        case 'status':
          teller.hear(seen.status, seen.look);
          break;
        case 'silent':
          teller.say(
            `no worker answers; the rollout stands safe in Temporal and goes on with the next worker (\`greenlight doctor ${on}\` says how to start one)`,
          );
          break;
        case 'answering':
          teller.say('a worker answers again');
          break;
        case 'away':
          teller.say(AWAY);
          break;
        case 'ended':
          teller.end(seen.ended);
          return exitOf(seen.ended);
        default:
          seen satisfies never;
      }
    }
  } finally {
    teller.close();
  }
  // By the run: the endpoint may have another rollout by the time that somebody reads this.
  const run = `--run ${rollout.runId}`;
  ctx.out.note(
    `Stopped waiting. The rollout of ${rollout.endpoint} goes on: \`greenlight status ${on} ${run} --wait\` waits again, ` +
      `\`greenlight abort ${on} ${run} --reason …\` stops it.`,
  );
  if (ctx.out.json) ctx.out.result('', { endpoint: rollout.endpoint, ...idsOf(rollout), outcome: null });
  return 'interrupted';
}

/** Settles when the signal is aborted, or was already. */
export function aborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('aborted');
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}

/** What stands beside a rollout's facts in JSON. */
export function idsOf({ workflowId, runId, ui }: Rollout): {
  readonly workflowId: string;
  readonly runId: string;
  readonly ui: string | null;
} {
  return { workflowId, runId, ui };
}

/** A live view for who sits at a terminal, a story of plain lines for everyone and everything else. */
async function tellerOf(ctx: Context, rollout: Rollout): Promise<Teller> {
  if (ctx.terminal === null || ctx.out.json) return new Story(ctx, rollout, idsOf(rollout));
  // Before React is loaded: its other build keeps a record of every drawing, and would fill the memory in hours.
  process.env['NODE_ENV'] ??= 'production';
  // Not at the top: what draws it takes half a second to load.
  const { openLiveView } = await import('./watch/live-view.js');
  return openLiveView({
    out: ctx.out,
    terminal: ctx.terminal,
    rollout,
    act: (name, reason) => rollout.act(name, { reason }),
  });
}
