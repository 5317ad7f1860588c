import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { RolloutStatus } from '../core/messages.js';
import type { WatchBeat } from '../core/watch.js';
import type { Context } from './context.js';
import { CliError, detailsOf, isUnreachable } from './errors.js';
import type { Exit } from './exit-codes.js';
import { atTheEnd, changes, endLines, isWorthTelling, keepLook } from './follow.js';
import { newestBeat, withBeat } from './live.js';
import { askStatus, ending, exitOf, lostText, type Ended } from './rollouts.js';
import type { Session } from './temporal.js';
import { clockTime } from './times.js';

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
  const story = new Story(ctx, endpoint, ids);
  const over = new AbortController();
  const end = endingThroughOutages(session, handle, story, over.signal).finally(() => over.abort());
  const interrupted = new Promise<'interrupted'>((resolve) => {
    if (stop.aborted) resolve('interrupted');
    stop.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
  const telling = tell(session, handle, story, over.signal);
  const ended = await Promise.race([end, interrupted]);
  over.abort();
  if (ended === 'interrupted') {
    end.catch(() => undefined); // its connection is about to be closed
    ctx.out.note(
      `\nStopped waiting. The rollout of ${endpoint} goes on: \`greenlight status ${endpoint} --wait\` waits again, ` +
        `\`greenlight abort ${endpoint} --reason …\` stops it.`,
    );
    return 'interrupted';
  }
  await telling;
  story.end(ended);
  return exitOf(ended);
}

/** Prints what is new, with the time. */
class Story {
  readonly #ctx: Context;
  readonly #endpoint: string;
  readonly #ids: object;
  #last: RolloutStatus | null = null;
  #lookToldAtMs = 0;
  #ownVerdict = '';

  constructor(ctx: Context, endpoint: string, ids: object) {
    this.#ctx = ctx;
    this.#endpoint = endpoint;
    this.#ids = ids;
  }

  /** @param beat - the newest look of the watch under way. */
  hear(status: RolloutStatus, beat: WatchBeat | undefined): void {
    const nowMs = Date.now();
    const look = withBeat(status, beat);
    const isLook = look !== status;
    const tellLook = isLook && isWorthTelling(this.#last, look, { nowMs, lookToldAtMs: this.#lookToldAtMs });
    // Without a look, the run's own verdict is news only when it changes: it may be older than the look told last.
    const tellOwn = !isLook && status.verdict !== this.#ownVerdict;
    const next = tellLook || tellOwn ? look : keepLook(status, this.#last);
    this.#ownVerdict = status.verdict;
    if (tellLook) this.#lookToldAtMs = nowMs;
    this.#print(changes(this.#last, next));
    this.#last = next;
  }

  say(line: string): void {
    this.#ctx.out.note(`${clockTime(new Date())}  ${line}`);
  }

  end(ended: Ended): void {
    if (ended.kind === 'lost') {
      const text = lostText(this.#endpoint, ended.because);
      this.#ctx.out.line(text);
      if (this.#ctx.out.json)
        this.#ctx.out.result(text, { outcome: null, reason: ended.because, ...this.#ids });
      return;
    }
    if (this.#last !== null) this.#print(changes(this.#last, atTheEnd(this.#last, ended.report)));
    this.#print(endLines(ended.report));
    if (this.#ctx.out.json) this.#ctx.out.result('', { ...ended.report, ...this.#ids });
  }

  #print(lines: readonly string[]): void {
    for (const line of lines) this.#ctx.out.line(`${clockTime(new Date())}  ${line}`);
  }
}

async function tell(
  session: Session,
  handle: WorkflowHandle,
  story: Story,
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
      if (told) story.say('a worker answers again');
      [silentSinceMs, told] = [null, false];
      story.hear(answer.status, beat);
    } else {
      silentSinceMs ??= Date.now();
      if (!told && Date.now() - silentSinceMs >= SILENCE_MS) {
        told = true;
        story.say(
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
  story: Story,
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
        story.say(`Temporal at ${place.address} does not answer; trying on`);
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
