import { basename } from 'node:path';
import { endpointArgument } from '../core/command-text.js';
import { workflowId, type Plan } from '../core/plan.js';
import type { QueueEntry } from '../core/queue.js';
import { loadSpec, renderProblems, type Problem } from '../spec/index.js';
import { withCarriedDispersion } from './carried.js';
import { GreenlightError } from './errors.js';
import { findRollout } from './find.js';
import { supersede, supersedeFrom, untilFree } from './free-endpoint.js';
import { enqueue, queueEntry, readQueue, untilSettled } from './queue.js';
import { start, taken, type Memo, type Started } from './start-rollout.js';
import type { Session } from './temporal.js';
import { AWAY } from './through-outages.js';
import { noWorkerText, pollingWorkers } from './workers.js';

export interface SubmitOptions {
  /** Who submits; default the client's `by`. */
  readonly by?: string;
  /** What the spec is called, for people; default its file's name. */
  readonly name?: string;
  /** Where another rollout holds the endpoint: refuse (default), wait for its end, or roll it back first. */
  readonly whenTaken?: 'refuse' | 'queue' | 'supersede';
  /** Ends the waiting, and its reason is thrown. Who is in a queue by then keeps the place. */
  readonly signal?: AbortSignal;
  /** Told what is waited for, in words. */
  readonly onWait?: (text: string) => void;
}

/** A spec that was not submitted: code `spec`, with every problem and its place. */
export class SpecError extends GreenlightError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super('spec', renderProblems(problems));
    this.problems = problems;
  }
}

/** @throws {SpecError} when the spec, or a file that it names, is not right. */
export async function planOf(spec: string | Plan): Promise<{ readonly plan: Plan; readonly name: string }> {
  if (typeof spec !== 'string') return { plan: spec, name: 'a plan' };
  const loaded = await loadSpec(spec);
  if (!loaded.ok) throw new SpecError(loaded.problems);
  return { plan: loaded.plan, name: basename(spec) };
}

/** A plan that waits for its endpoint in Temporal, and starts when its turn comes. */
export interface Queued {
  readonly kind: 'queued';
  readonly entry: QueueEntry;
  /** 1 = next. */
  readonly place: number;
}

/**
 * Starts a rollout, now or when its endpoint is free.
 *
 * @throws {GreenlightError} already-running, no-worker, unreachable; refused, where the one before left something undone,
 *   or a queued plan was withdrawn; the signal's reason.
 */
export async function submit(
  session: Session,
  plan: Plan,
  memo: Memo,
  options: SubmitOptions,
): Promise<Started> {
  const begun = await begin(session, plan, memo, options);
  return begun.kind === 'started' ? begun : whenStarted(session, begun.entry, options);
}

/** As {@link submit}; but a plan that is to wait in the queue is left there. */
export async function begin(
  session: Session,
  plan: Plan,
  memo: Memo,
  options: SubmitOptions,
): Promise<Started | Queued> {
  const { whenTaken = 'refuse', signal, onWait = () => undefined } = options;
  const workers = await pollingWorkers(session, Date.now());
  if (workers.length === 0) {
    throw new GreenlightError(
      'no-worker',
      `The rollout of ${plan.endpoint} was not started. ${noWorkerText(session)}`,
    );
  }
  const claimant = { target: plan.target, endpoint: plan.endpoint, by: memo.by, spec: memo.spec };
  for (let ended = false; ;) {
    signal?.throwIfAborted();
    // Anew each time: the rollout that was waited for may have learned something.
    const ready = await withCarriedDispersion(session, plan);
    const started = await start(session, ready, memo);
    if (started !== undefined) return started;
    const holder = await findRollout(session, plan.target, plan.endpoint);
    const refused = await taken(session, plan, memo, holder);
    // Who has ended one rollout, and found another in its place, has met somebody who wants it too.
    if (whenTaken === 'refuse' || (whenTaken === 'supersede' && ended)) throw refused;
    if (whenTaken === 'queue') {
      onWait(firstLine(refused.message));
      const entry = queueEntry(ready, memo);
      return { kind: 'queued', entry, place: await enqueue(session, { entry, first: false }) };
    }
    if (holder?.running !== true) continue;
    onWait(firstLine(refused.message));
    // Where others wait, it stands before them: else one of them would take the place that it makes free.
    const others = (await readQueue(session, plan.target, plan.endpoint))?.waiting ?? [];
    if (others.length > 0) {
      const entry = queueEntry(ready, memo);
      await enqueue(session, { entry, first: true });
      await supersedeFrom(session, holder, claimant, entry, onWait);
      return whenStarted(session, entry, options);
    }
    try {
      await supersede(session, holder, claimant, onWait);
      await untilFree(session, holder, claimant, signal, onWait);
    } catch (error) {
      // A refusal says so itself.
      if (!(error instanceof GreenlightError && error.code === 'refused')) onWait('Nothing was started.');
      throw error;
    }
    ended = true;
  }
}

async function whenStarted(
  session: Session,
  entry: QueueEntry,
  {
    signal = new AbortController().signal,
    onWait = () => undefined,
  }: Pick<SubmitOptions, 'signal' | 'onWait'>,
): Promise<Started> {
  const { id, plan } = entry;
  const on = endpointArgument(plan);
  onWait(
    `waits for its turn as ${id}; Ctrl-C leaves it waiting, \`greenlight withdraw ${on} --id ${id}\` takes it back`,
  );
  const fate = await untilSettled(session, entry, {
    over: signal,
    away: () => onWait(AWAY),
    afterwards: `${entry.spec} keeps its place; \`greenlight status ${on}\` shows it then, \`greenlight withdraw ${on} --id ${id}\` takes it back.`,
  });
  if (fate === 'aborted') {
    onWait(
      `\nStopped waiting. ${entry.spec} keeps its place; \`greenlight withdraw ${on} --id ${id}\` takes it back.`,
    );
    throw signal.reason;
  }
  if (fate.fate === 'started') {
    const { runId } = fate;
    const only = runId === undefined ? {} : { firstExecutionRunId: runId };
    const name = workflowId(plan.target, plan.endpoint);
    const handle = session.client.workflow.getHandle(name, undefined, only);
    return { kind: 'started', handle, runId: runId ?? '' };
  }
  // The baseline of the rollout before: the plan's own may be the very version that was to be taken back.
  const advice =
    fate.fate === 'dropped'
      ? `\nLook with \`greenlight endpoint show ${on}\`; \`greenlight revert ${on} --to BASELINE\` puts the traffic back. Then submit again.`
      : '';
  throw new GreenlightError('refused', `Nothing was started: ${fate.because}.${advice}`);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
