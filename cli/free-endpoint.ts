import { randomUUID } from 'node:crypto';
import type { Context } from './context.js';
import { CliError } from './errors.js';
import { ending, type Ended, type KnownRollout, lostText } from './rollouts.js';
import { sendAction } from './send-action.js';
import type { Session } from './temporal.js';
import { aborted } from './wait.js';

/** Who wants the endpoint, and for what. */
export interface Claimant {
  readonly endpoint: string;
  readonly by: string;
  /** Name of the spec file. */
  readonly spec: string;
}

/**
 * Ends a rollout so that another may take its place: it rolls back. One that cannot be stopped any more, because it
 * rolls back already or its baseline is being deleted, is left to its end.
 */
export async function supersede(
  ctx: Context,
  session: Session,
  holder: KnownRollout,
  { endpoint, by, spec }: Claimant,
): Promise<void> {
  try {
    const input = { by, reason: `superseded by ${spec} of ${by}` };
    await sendAction(session, holder.handle, 'abort', input, `supersede-${randomUUID()}`);
    ctx.out.note(`the rollout that held ${endpoint} is told to roll back`);
  } catch (error) {
    const ends = error instanceof CliError && (error.exit === 'refused' || error.exit === 'not-found');
    if (!ends) throw error;
    ctx.out.note(`${error.message}; waiting for its end`);
  }
}

/**
 * Waits for the end of the rollout that holds an endpoint.
 *
 * @returns false when `stop` was aborted first.
 * @throws {CliError} refused, when it left the endpoint in a state that nobody has proven.
 */
export async function untilFree(
  { client }: Session,
  { handle, description }: KnownRollout,
  { endpoint }: Claimant,
  stop: AbortSignal,
): Promise<boolean> {
  // That run and those that it goes on as: a rollout that somebody starts after it is another one.
  const held = client.workflow.getHandle(handle.workflowId, description.runId);
  const waiting = ending(held);
  const ended = await Promise.race([waiting, aborted(stop)]);
  if (ended === 'aborted') {
    // The question stays open until the connection is closed, which nobody minds.
    waiting.catch(() => undefined);
    return false;
  }
  const unproven = unprovenEnd(endpoint, ended);
  if (unproven !== undefined) throw new CliError('refused', `Nothing was started. ${unproven}`);
  return true;
}

function unprovenEnd(endpoint: string, ended: Ended): string | undefined {
  if (ended.kind === 'lost') return lostText(endpoint, ended.because);
  const { outcome, left } = ended.report;
  if (outcome !== 'rollback-incomplete') return undefined;
  return (
    `The rollout that held ${endpoint} could not be taken back in full; left to do: ${left.join('; ')}.\n` +
    `Do that (\`greenlight revert ${endpoint}\` puts the traffic back), and submit again.`
  );
}
