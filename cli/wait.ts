import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { WatchBeat } from '../core/watch.js';
import { whoActs, type Context } from './context.js';
import { CliError, detailsOf, isUnreachable } from './errors.js';
import type { Exit } from './exit-codes.js';
import { newestBeat } from './live.js';
import { askStatus, ending, exitOf, type Ended } from './rollouts.js';
import { sendAction } from './send-action.js';
import { Story, type Teller } from './story.js';
import type { Session } from './temporal.js';

/** Between two questions. */
const EVERY_MS = 1_000;
/** A silence shorter than this is not worth a line. */
const SILENCE_MS = 5_000;
/** So long an outage of Temporal is sat out. The rollout itself does not mind it. */
const OUTAGE_MS = 5 * 60_000;
/** So fast a question fails while Temporal is away, the client's own repetitions among it. */
const FAILS_WITHIN_MS = 60_000;

/** The rollout that is waited for. */
export interface Waiting {
  readonly handle: WorkflowHandle;
  readonly endpoint: string;
  /** What stands beside the report in JSON: workflow id, run id, link. */
  readonly ids: object;
}

/**
 * Tells a rollout's story as it happens, until it is over or Ctrl-C.
 *
 * @returns the exit code of how it ended.
 * @throws {CliError} unreachable, when Temporal stays away for five minutes.
 */
export async function waitForEnd(
  ctx: Context,
  session: Session,
  { handle, endpoint, ids }: Waiting,
): Promise<Exit> {
  const stop = ctx.stop();
  const teller = await tellerOf(ctx, session, { handle, endpoint, ids });
  try {
    const over = new AbortController();
    const end = endingThroughOutages(session, handle, teller, over.signal).finally(() => over.abort());
    const telling = tell(session, handle, teller, over.signal);
    const ended = await Promise.race([end, aborted(stop), aborted(teller.left)]);
    over.abort();
    if (ended === 'aborted') {
      end.catch(() => undefined); // its connection is about to be closed
      teller.close();
      ctx.out.note(
        `\nStopped waiting. The rollout of ${endpoint} goes on: \`greenlight status ${endpoint} --wait\` waits again, ` +
          `\`greenlight abort ${endpoint} --reason …\` stops it.`,
      );
      return 'interrupted';
    }
    await telling;
    teller.end(ended);
    return exitOf(ended);
  } finally {
    teller.close();
  }
}

/** A live view for who sits at a terminal, a story of plain lines for everyone and everything else. */
async function tellerOf(ctx: Context, session: Session, { handle, endpoint, ids }: Waiting): Promise<Teller> {
  if (ctx.terminal === null || ctx.out.json) return new Story(ctx, endpoint, ids);
  // Before React is loaded: its other build keeps a record of every drawing, and would fill the memory in hours.
  process.env['NODE_ENV'] ??= 'production';
  // Not at the top: what draws it takes half a second to load.
  const { openLiveView } = await import('./watch/live-view.js');
  return openLiveView({
    out: ctx.out,
    terminal: ctx.terminal,
    endpoint,
    act: (name, reason) =>
      sendAction(session, handle, name, { by: whoActs(undefined, ctx.env), reason }, randomUUID()),
  });
}

/** Settles when the signal is aborted, or was already. */
export function aborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('aborted');
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}

async function tell(
  session: Session,
  handle: WorkflowHandle,
  teller: Teller,
  over: AbortSignal,
): Promise<void> {
  let silentSinceMs: number | null = null;
  let told = false;
  while (!over.aborted) {
    const [answer, beat] = await Promise.all([
      askStatus(session, handle).catch((error: unknown) => ({ silent: detailsOf(error) })),
      lookUnderWay(session, handle),
    ]);
    if (over.aborted) return;
    if ('status' in answer) {
      if (told) teller.say('a worker answers again');
      [silentSinceMs, told] = [null, false];
      teller.hear(answer.status, beat);
    } else {
      silentSinceMs ??= Date.now();
      if (!told && Date.now() - silentSinceMs >= SILENCE_MS) {
        told = true;
        teller.say(
          'no worker answers; the rollout stands safe in Temporal and goes on with the next worker (`greenlight up` starts one)',
        );
      }
    }
    await pause(EVERY_MS, over);
  }
}

async function lookUnderWay({ client }: Session, handle: WorkflowHandle): Promise<WatchBeat | undefined> {
  try {
    return await newestBeat(client, await handle.describe());
  } catch {
    return undefined; // the status tells whether Temporal is there; a look is an extra
  }
}

async function endingThroughOutages(
  { place }: Session,
  handle: WorkflowHandle,
  teller: Teller,
  over: AbortSignal,
): Promise<Ended> {
  for (let awaySinceMs: number | null = null; ;) {
    const askedAtMs = Date.now();
    try {
      return await ending(handle);
    } catch (error) {
      if (over.aborted || !isUnreachable(error)) throw error;
      // A question that was open for long before it failed: it had been back meanwhile.
      if (awaySinceMs === null || Date.now() - askedAtMs > FAILS_WITHIN_MS) {
        awaySinceMs = Date.now();
        teller.say(`Temporal at ${place.address} does not answer; trying on`);
      }
      if (Date.now() - awaySinceMs > OUTAGE_MS) {
        throw new CliError(
          'unreachable',
          `Temporal at ${place.address} has not answered for ${OUTAGE_MS / 60_000} minutes: ${detailsOf(error)}\n` +
            'The rollout goes on as soon as it is back; wait for it then with `greenlight status ENDPOINT --wait`.',
        );
      }
      await pause(EVERY_MS, over);
    }
  }
}

async function pause(ms: number, over: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: over }).catch(() => undefined);
}
