import { randomUUID } from 'node:crypto';
import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { endpointArgument } from '../core/command-text.js';
import type { DecisionRecord } from '../core/decision-record.js';
import type { ActionInput, ResolveDriftInput } from '../core/messages.js';
import { targetName, type Target } from '../core/plan.js';
import type { Ending } from '../report/index.js';
import { renderPlan } from '../spec/index.js';
import { decisionRecord } from './decision-record.js';
import { GreenlightError, inOurWords } from './errors.js';
import { atTheEnd, changesBetween, type RolloutEvent } from './events.js';
import { askStatus, chainOf, endOf, lastEnd, lastRun, type Answer, type Chain, type Ended } from './find.js';
import { newestBeat, withBeat } from './live.js';
import { observe, type Observation } from './observe.js';
import { sendAction, type ActName } from './send-action.js';
import { startedAtMs } from './start-rollout.js';
import { uiLink, type Session } from './temporal.js';
import { noWorkerText, pollingWorkers } from './workers.js';

/** What a person says to a rollout. */
export interface Act {
  /** Who acts; default the client's `by`. */
  readonly by?: string;
  /** Why; kept with the rollout. Everything but approve and resume needs one. */
  readonly reason?: string;
  /** A name for this request: sent twice, it acts once. */
  readonly requestId?: string;
}

/** Who and what a {@link Rollout} is made of. */
export interface RolloutParts {
  readonly session: Session;
  readonly handle: WorkflowHandle;
  readonly endpoint: string;
  readonly target: Target;
  /** Of the run that it began with. */
  readonly runId: string;
  /** Who acts where nobody is named. */
  readonly by: string;
  /** Known when it was found, and not when it was started just now. */
  readonly description?: WorkflowExecutionDescription;
}

/** An endpoint's rollout, under way or over. */
export class Rollout {
  readonly endpoint: string;
  readonly target: Target;
  readonly workflowId: string;
  /** Of the run that it began with: it keeps that however long it goes on, and no other rollout has it. */
  readonly runId: string;
  /** The page of its newest run in Temporal's UI; null when that one's address is not known. */
  readonly ui: string | null;
  /** Whether it ran when it was found. */
  readonly running: boolean;
  /** When it began, milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly #session: Session;
  readonly #handle: WorkflowHandle;
  readonly #chain: Chain;
  readonly #by: string;

  /** @internal */
  constructor({ session, handle, endpoint, target, runId, by, description }: RolloutParts) {
    this.endpoint = endpoint;
    this.target = target;
    this.workflowId = handle.workflowId;
    this.runId = runId;
    this.running = description === undefined || description.status.name === 'RUNNING';
    this.startedAtMs = description === undefined ? Date.now() : startedAtMs(description);
    this.#session = session;
    this.#handle = handle;
    this.#chain =
      description === undefined
        ? { workflowId: handle.workflowId, firstRunId: runId, seenRunId: runId }
        : chainOf(description);
    this.ui = uiLink(session.place, handle.workflowId, this.#chain.seenRunId);
    this.#by = by;
  }

  /**
   * Where it stands, with its newest look; or how it ended.
   *
   * @throws {GreenlightError} no-worker, when it runs and no worker says where it stands.
   */
  status(): Promise<Ending> {
    return inOurWords(async () => {
      const description = await this.#newest();
      if (description.status.name !== 'RUNNING') return this.result();
      const answer = await this.ask();
      if ('status' in answer) return { kind: 'running', status: withBeat(answer.status, answer.look) };
      const workers = await pollingWorkers(this.#session, Date.now());
      const why =
        workers.length === 0
          ? noWorkerText(this.#session)
          : `A worker polls (${workers.join(', ')}), and gave no answer: ${answer.silent}; \`greenlight doctor ${endpointArgument(this)}\` shows whether a worker of its version runs`;
      throw new GreenlightError(
        'no-worker',
        `A rollout of ${this.endpoint} on ${targetName(this.target)} runs since ${new Date(startedAtMs(description)).toISOString()}, and no worker says where it stands.\n${why}\n` +
          'The rollout stands safe in Temporal and goes on with the next worker.',
      );
    });
  }

  /**
   * One question to the worker, without judging a silence.
   *
   * @internal
   */
  ask(): Promise<Answer> {
    return inOurWords(() => askStatus(this.#session, this.#chain));
  }

  /**
   * Waits for its end. A rollback is an end like any other: nothing is thrown for it.
   *
   * @throws {GreenlightError} unreachable, when Temporal goes away meanwhile; only `watch` sits that out.
   */
  result(): Promise<Ended> {
    return inOurWords(() => endOf(this.#session, this.#chain));
  }

  /**
   * What happens, as it happens, until it is over; the last event says how it ended.
   *
   * @param signal - ends the watching, not the rollout.
   * @throws {GreenlightError} unreachable, when Temporal stays away for five minutes.
   */
  async *watch({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<
    RolloutEvent,
    void,
    undefined
  > {
    let last: Parameters<typeof changesBetween>[0] = null;
    for await (const seen of this.observe(signal)) {
      switch (seen.kind) {
        case 'status': {
          const next = withBeat(seen.status, seen.look);
          yield* changesBetween(last, next);
          last = next;
          break;
        }
        case 'silent':
          yield { kind: 'no-worker' };
          break;
        case 'answering':
          yield { kind: 'worker-back' };
          break;
        case 'away':
          yield { kind: 'temporal-away' };
          break;
        case 'ended':
          // What happened since the last answer.
          if (last !== null && seen.ended.kind === 'report') {
            yield* changesBetween(last, atTheEnd(last, seen.ended.report));
          }
          yield seen;
          break;
        default:
          seen satisfies never;
      }
    }
  }

  /**
   * Every answer and every look as it comes, changed or not: for who draws a live view.
   *
   * @internal
   */
  observe(signal?: AbortSignal): AsyncGenerator<Observation, void, undefined> {
    return observe(this.#session, this.#chain, signal);
  }

  /** Lets it go on where it waits for approval, or its gates could not decide. @see act */
  approve(act: Act = {}): Promise<string> {
    return this.act('approve', act);
  }

  /** Says no where approval is asked for: it rolls back. @see act */
  reject(act: Act): Promise<string> {
    return this.act('reject', act);
  }

  /** Keeps it at its present share; its gates go on watching. @see act */
  pause(act: Act): Promise<string> {
    return this.act('pause', act);
  }

  /** Lets it go on after a pause. @see act */
  resume(act: Act = {}): Promise<string> {
    return this.act('resume', act);
  }

  /** Stops it, and puts everything back as it was. @see act */
  abort(act: Act): Promise<string> {
    return this.act('abort', act);
  }

  /** Settles a change that somebody else made to the endpoint's traffic. @see act */
  resolveDrift(choice: ResolveDriftInput['choice'], act: Act): Promise<string> {
    return this.act('drift', act, choice);
  }

  /**
   * Sends one message, and waits for the rollout's answer.
   *
   * @returns the answer, in words.
   * @throws {GreenlightError} refused, when it does not fit now; not-found, when it is over; no-worker, when nobody
   *   answers within ten seconds.
   */
  async act(
    name: ActName,
    { by = this.#by, reason = '', requestId = randomUUID() }: Act,
    choice?: ResolveDriftInput['choice'],
  ): Promise<string> {
    return inOurWords(async () => {
      const input: ActionInput | ResolveDriftInput =
        choice === undefined ? { by, reason } : { by, reason, choice };
      if (!this.running) {
        const description = await this.#newest();
        throw new GreenlightError(
          'not-found',
          `The rollout of ${this.endpoint} ended at ${description.closeTime?.toISOString() ?? 'an unknown time'}: ` +
            (await lastEnd(this.#session, description)),
        );
      }
      return sendAction(this.#session, this.#handle, name, input, requestId);
    });
  }

  /** What its gates saw and said, window by window, up to the newest look. */
  evidence(): Promise<DecisionRecord> {
    return inOurWords(async () => {
      const { client } = this.#session;
      const description = await this.#newest();
      const beat = description.status.name === 'RUNNING' ? await newestBeat(client, description) : undefined;
      return decisionRecord(client, this.workflowId, description.runId, beat);
    });
  }

  #newest(): Promise<WorkflowExecutionDescription> {
    return lastRun(this.#session, this.#chain);
  }

  /**
   * The rollout as one HTML page that needs nothing else.
   *
   * @throws {GreenlightError} no-worker, when it runs and no worker says where it stands.
   */
  report(): Promise<string> {
    return inOurWords(async () => {
      const [record, end, description, { reportHtml }] = await Promise.all([
        this.evidence(),
        this.status(),
        this.#newest(),
        import('../report/index.js'), // half a second, which only a report needs
      ]);
      return reportHtml({
        ending: end,
        record,
        planText: renderPlan(record.plan),
        target: targetName(record.plan.target),
        workflowId: this.workflowId,
        runId: this.runId,
        uiLink: this.ui,
        startedAtMs: startOf(end) ?? startedAtMs(description),
        endedAtMs: description.closeTime?.getTime() ?? null,
        nowMs: Date.now(),
      });
    });
  }
}

/** Over continue-as-new: a run's own start is not the rollout's. */
function startOf(end: Ending): number | undefined {
  switch (end.kind) {
    case 'report':
      return end.report.startedAtMs;
    case 'running':
      return end.status.startedAtMs;
    case 'lost':
      return undefined;
    default:
      return end satisfies never;
  }
}
