import { activityInfo, cancellationDetails, cancellationSignal, log } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';

import { withOwnSignal } from '../adapters/own-signal.js';
import type { Secrets, TargetPorts } from '../adapters/ports.js';
import { driftIn, visibleDrift, type Drift } from '../core/drift.js';
import { instanceTrouble, withRestarts } from '../core/instance-trouble.js';
import { enterStep, look } from '../core/look.js';
import type { MetricsSnapshot, OwnSnapshot } from '../core/metrics.js';
import { ownQueriesOf } from '../core/plan.js';
import { PortError } from '../core/port-error.js';
import { withoutSecrets } from '../core/secrets.js';
import { unreadForLong, withReading } from '../core/unread.js';
import {
  seesOtherwise,
  type WatchBeat,
  type WatchInput,
  type WatchMemory,
  type WatchResult,
} from '../core/watch.js';
import { baselineAnswers, verdictOf, windowCut, windowOver, type Found } from '../core/window.js';
import { byPeople } from './by-people.js';
import { beating, beatingSleep, beats } from './poll.js';

/**
 * A look does not wait for an endpoint that answers later than this: counts decide, and drift is seen at the next one. Nor for
 * metrics of the user's own: what is being read goes on without it, and is there for one of the next.
 */
const LATE_MS = 5_000;

/**
 * One window of watching: a look each interval, until something is decided or the window is over.
 *
 * Memory travels in the heartbeat: an attempt after a crash goes on where the last one was, with one longer look over
 * the gap. Cancelled by the workflow, it answers with what it has; cancelled because its worker stops, it lets another
 * attempt go on.
 *
 * @returns sentences that quote no secret of green.
 */
export async function watch(ports: TargetPorts, secrets: Secrets, input: WatchInput): Promise<WatchResult> {
  const begunMs = Date.now();
  let answers = false;
  const { environmentVariables = {} } = input;
  const result = await watchWindow(ports, input, {
    onLook: (found) => (answers ||= baselineAnswers(input, found)),
    masked: (text) => withoutSecrets(text, { environmentVariables }, secrets),
  });
  return {
    ...result,
    ...(answers ? { baselineAnswers: true } : {}),
    atMs: activityInfo().currentAttemptScheduledTimestampMs + Date.now() - begunMs,
  };
}

async function watchWindow(
  ports: TargetPorts,
  input: WatchInput,
  {
    onLook,
    masked,
  }: { readonly onLook: (found: Found) => void; readonly masked: (text: string) => Promise<string> },
): Promise<WatchResult> {
  const signal = cancellationSignal();
  const windowEndMs = activityInfo().scheduledTimestampMs + input.windowMs;
  let memory = enterStep({ ...input, memory: resumed(input) ?? input.memory }, Date.now());
  let last: WatchResult | null = null;
  // Until the first look, what an earlier attempt saw: a heartbeat without it would take it away.
  let seen: unknown = activityInfo().heartbeatDetails;
  const heartbeat = beats();
  const beat = (): void => heartbeat(seen);

  for (let dueMs = Date.now(); ; dueMs = Math.max(dueMs + input.watching.intervalMs, Date.now())) {
    const { snapshot, endpoint, drift, unread } = await beating(
      () => withOwnSignal({ signal }, (own) => read(ports, input, own)),
      beat,
    );
    if (signal.aborted) return interrupted(input, last, memory);

    onLook({ endpoint, drift });
    memory = withReading(memory, unread, Date.now());
    if (endpoint !== null) memory = withRestarts(memory, input, endpoint);
    const looked = look(input, memory, snapshot, Date.now());
    memory = looked.memory;
    const trouble = endpoint === null ? null : instanceTrouble(input, memory, endpoint);
    const away = unreadForLong(input, memory, unread, Date.now());
    const told = {
      trouble: trouble === null ? null : await masked(trouble),
      unread: away === null ? null : await masked(away),
    };
    last = verdictOf(input, looked, { drift, ...told }, Date.now());
    seen = { v: 1, sentence: last.sentence, evidence: last.evidence, memory } satisfies WatchBeat;
    if (last.verdict !== 'window-over') {
      log.info('Watch decided', { verdict: last.verdict, sentence: last.sentence, green: input.green });
      return last;
    }
    if (seesOtherwise(input, last)) return last;
    beat();
    const nextMs = dueMs + input.watching.intervalMs;
    // The window is sat out also after its last look: an answer before its end would be asked for again at once, and
    // again, until the time is over.
    try {
      await beatingSleep(Math.min(nextMs, windowEndMs) - Date.now(), beat);
    } catch (err) {
      if (err instanceof CancelledFailure) return interrupted(input, last, memory);
      throw err;
    }
    if (nextMs >= windowEndMs) return windowOver(input, last, Date.now());
  }
}

interface Readings extends Found {
  readonly snapshot: MetricsSnapshot | null;
  /** Why the endpoint did not answer, in the target's words; null: it did. */
  readonly unread: string | null;
}

/** All readings at once; what does not answer is null, and the look goes on without it. */
async function read(ports: TargetPorts, input: WatchInput, signal: AbortSignal): Promise<Readings> {
  const both = [input.baseline, input.green];
  const all = (inTime: AbortSignal) =>
    Promise.all([
      orNull('metrics', ports.metrics.read(input.endpoint, both, { signal })),
      readOwn(ports, input, both, inTime),
      tried(
        'endpoint',
        ports.endpoints.read(input.endpoint, { signal: inTime }).catch((err: unknown) => {
          if (err instanceof PortError && err.code === 'ResourceNotFound') return 'gone' as const;
          throw err;
        }),
      ),
    ]);
  const [snapshot, own, { value: endpoint, why: unread }] = await withOwnSignal(
    { signal, withinMs: LATE_MS },
    all,
  );
  const taken = snapshot && own ? { ...snapshot, own } : snapshot;
  if (endpoint === null) return { snapshot: taken, endpoint, unread, drift: 'unknown' };
  if (endpoint === 'gone') {
    // Nobody can tell any more: who was scaled stays so.
    const drift = { observed: null, scaled: input.held?.scaled ?? [] };
    return { snapshot: taken, endpoint: null, unread, drift };
  }
  const { baseline, green } = input;
  const drift = driftIn({ ...input.written, baseline, green }, endpoint);
  return {
    snapshot: taken,
    endpoint,
    unread,
    drift: drift && (await withoutAutoscaled(ports, input, drift, signal)),
  };
}

async function readOwn(
  ports: TargetPorts,
  input: WatchInput,
  deployments: readonly string[],
  signal: AbortSignal,
): Promise<OwnSnapshot | null> {
  const queries = ownQueriesOf(input.gates);
  if (ports.own === undefined || Object.keys(queries).length === 0) return null;
  return orNull('own metrics', ports.own.read(queries, deployments, { signal }));
}

async function withoutAutoscaled(
  { endpoints }: TargetPorts,
  input: WatchInput,
  drift: Drift,
  signal: AbortSignal,
): Promise<Drift | null> {
  // Who is held for already stays so where it cannot be told: else one failed call would end the hold, and a word to restore.
  const isHeldFor = (one: string): boolean =>
    input.held?.scaled.some(({ deployment }) => deployment === one) === true;
  const scaled = await byPeople(drift.scaled, async (deployment) => {
    const told = await orNull('autoscaling', endpoints.isAutoscaled(input.endpoint, deployment, { signal }));
    return told ?? (isHeldFor(deployment) ? false : null);
  });
  return visibleDrift(input.written.traffic, { ...drift, scaled });
}

async function orNull<T>(what: string, reading: Promise<T>): Promise<T | null> {
  return (await tried(what, reading)).value;
}

/** @returns null, and why, for what could not be read. */
async function tried<T>(
  what: string,
  reading: Promise<T>,
): Promise<{ readonly value: T | null; readonly why: string | null }> {
  try {
    return { value: await reading, why: null };
  } catch (err) {
    const gaveUp = err instanceof Error && (err.name === 'AbortError' || err.name === 'TimeoutError');
    if (!(err instanceof PortError) && !gaveUp) throw err;
    log.debug('Reading failed; the look goes on without it', { what, error: err.message });
    return { value: null, why: gaveUp ? `no answer within ${LATE_MS / 1000} s` : err.message };
  }
}

function interrupted(input: WatchInput, last: WatchResult | null, memory: WatchMemory): WatchResult {
  // The worker stops, nobody decided anything: fail this attempt, so that another one goes on.
  if (cancellationDetails()?.workerShutdown === true) throw new CancelledFailure('WORKER_SHUTDOWN');
  return windowCut(input, last, memory);
}

function resumed(input: WatchInput): WatchMemory | null {
  const beat = activityInfo().heartbeatDetails as Partial<WatchBeat> | undefined;
  return beat?.v === 1 && beat.memory?.stepIndex === input.stepIndex ? beat.memory : null;
}
