import { randomUUID } from 'node:crypto';
import { commandsAfterIncomplete } from '../core/after-incomplete.js';
import { endpointArgument } from '../core/command-text.js';
import type { Target } from '../core/plan.js';
import type { QueueEntry } from '../core/queue.js';
import { GreenlightError } from './errors.js';
import { chainOf, endOf, type Ended, type KnownRollout, lostText } from './find.js';
import { withdraw } from './queue.js';
import { sendAction } from './send-action.js';
import type { Session } from './temporal.js';
import { AWAY, throughOutages } from './through-outages.js';

/** Who wants the endpoint, and for what. */
export interface Claimant {
  readonly target: Target;
  readonly endpoint: string;
  readonly by: string;
  /** Name of the spec. */
  readonly spec: string;
}

/**
 * Ends a rollout so that another may take its place: it rolls back. One that cannot be stopped any more, because it
 * rolls back already or its baseline is being deleted, is left to its end.
 */
export async function supersede(
  session: Session,
  holder: KnownRollout,
  { endpoint, by, spec }: Claimant,
  tell: (text: string) => void,
): Promise<void> {
  try {
    const input = { by, reason: `superseded by ${spec} of ${by}` };
    await sendAction(session, holder.handle, 'abort', input, `supersede-${randomUUID()}`);
    tell(`the rollout that held ${endpoint} is told to roll back`);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    tell(`${error.message}; waiting for its end`);
  }
}

/** It was asked, and said no, or was there no more. */
function isRefusal(error: unknown): error is GreenlightError {
  return error instanceof GreenlightError && (error.code === 'refused' || error.code === 'not-found');
}

/**
 * As {@link supersede}, for a plan that waits before all others already: where the rollout cannot be told to end, the plan
 * waits no more, or it is told how to take it back.
 */
export async function supersedeFrom(
  session: Session,
  holder: KnownRollout,
  claimant: Claimant,
  { id }: Pick<QueueEntry, 'id'>,
  tell: (text: string) => void,
): Promise<void> {
  try {
    await supersede(session, holder, claimant, tell);
  } catch (error) {
    const { target, endpoint, by } = claimant;
    const reason = 'the rollout before it could not be told to end';
    const on = endpointArgument(claimant);
    const left = `it still waits, before all others, as ${id}, and starts when the rollout before it ends: \`greenlight status ${on}\` shows it, \`greenlight withdraw ${on} --id ${id}\` takes it back`;
    const told = await withdraw(session, target, endpoint, { id, by, reason }).then(
      () => 'Nothing was started, and nothing waits.',
      // It may have begun meanwhile, which is no less worth a word.
      (why: unknown) => (isRefusal(why) ? why.message : left),
    );
    tell(told);
    throw error;
  }
}

/**
 * Waits for the end of the rollout that holds an endpoint, also where somebody resets it meanwhile.
 *
 * @throws {GreenlightError} refused, when it left the endpoint in a state that nobody has proven; unreachable, when Temporal
 *   stays away for five minutes; the signal's reason.
 */
export async function untilFree(
  session: Session,
  { description }: KnownRollout,
  claimant: Claimant,
  signal: AbortSignal | undefined,
  tell: (text: string) => void,
): Promise<void> {
  const held = chainOf(description);
  const afterwards = 'The rollout before it goes on as soon as it is back; submit again then.';
  const ended = await orAborted(signal, (over) =>
    throughOutages(session, () => endOf(session, held), { over, away: () => tell(AWAY), afterwards }),
  );
  const unproven = unprovenEnd(claimant, ended);
  if (unproven !== undefined) throw new GreenlightError('refused', `Nothing was started. ${unproven}`);
}

/** The client looks at a signal only while a question is open: whoever waits must not wait for the next one. */
async function orAborted<T>(
  signal: AbortSignal | undefined,
  work: (over: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return work(new AbortController().signal);
  signal.throwIfAborted();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  });
  const working = work(signal);
  working.catch(() => undefined); // it may fail of the abort, later
  try {
    return await Promise.race([working, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function unprovenEnd(claimant: Claimant, ended: Ended): string | undefined {
  if (ended.kind === 'lost') return lostText(claimant, ended.because);
  const { outcome, left } = ended.report;
  if (outcome !== 'rollback-incomplete') return undefined;
  const [, back] = commandsAfterIncomplete(ended.report);
  return (
    `The rollout that held ${claimant.endpoint} could not be taken back in full; left to do: ${left.join('; ')}.\n` +
    `Do that (\`${back}\` puts the traffic back), and submit again.`
  );
}
