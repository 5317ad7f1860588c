import { activityInfo, cancellationDetails, cancellationSignal, heartbeat, log } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';

import type { TargetPorts } from '../adapters/ports.js';
import type { EndpointState } from '../core/endpoint.js';
import {
  driftIn,
  enterStep,
  instanceTrouble,
  look,
  resultOf,
  withRestarts,
  type Looked,
} from '../core/look.js';
import type { MetricsSnapshot, OwnSnapshot } from '../core/metrics.js';
import { ownQueriesOf } from '../core/plan.js';
import { trafficText } from '../core/traffic.js';
import type { WatchBeat, WatchInput, WatchMemory, WatchResult } from '../core/watch.js';
import { isPortError } from './classify.js';
import { beating, beatingSleep } from './poll.js';

/** A look does not wait for an endpoint that answers later than this: counts decide, and drift is seen at the next one. */
const ENDPOINT_MS = 5_000;

/**
 * One window of watching: a look each interval, until something is decided or the window is over.
 *
 * Memory travels in the heartbeat: an attempt after a crash goes on where the last one was, with one longer look over
 * the gap. Cancelled by the workflow, it answers with what it has; cancelled because its worker stops, it lets another
 * attempt go on.
 */
export async function watch(ports: TargetPorts, input: WatchInput): Promise<WatchResult> {
  const signal = cancellationSignal();
  const windowEndMs = activityInfo().scheduledTimestampMs + input.windowMs;
  let memory = enterStep({ ...input, memory: resumed(input) ?? input.memory }, Date.now());
  let last: WatchResult | null = null;
  // Until the first look, what an earlier attempt saw: a heartbeat without it would take it away.
  let seen: unknown = activityInfo().heartbeatDetails;
  const beat = (): void => heartbeat(seen);

  for (let dueMs = Date.now(); ; dueMs = Math.max(dueMs + input.watching.intervalMs, Date.now())) {
    const { snapshot, endpoint } = await beating(() => read(ports, input, signal), beat);
    if (signal.aborted) return interrupted(last, memory);

    if (endpoint !== null && endpoint !== 'gone') memory = withRestarts(memory, input, endpoint);
    const looked = look(input, memory, snapshot, Date.now());
    memory = looked.memory;
    last = verdictOf(input, looked, endpoint);
    seen = { v: 1, sentence: last.sentence, evidence: last.evidence, memory } satisfies WatchBeat;
    beat();
    if (last.verdict !== 'window-over') {
      log.info('Watch decided', { verdict: last.verdict, sentence: last.sentence, green: input.green });
      return last;
    }
    const nextMs = dueMs + input.watching.intervalMs;
    // The window is sat out also after its last look: an answer before its end would be asked for again at once, and
    // again, until the time is over.
    try {
      await beatingSleep(Math.min(nextMs, windowEndMs) - Date.now(), beat);
    } catch (err) {
      if (err instanceof CancelledFailure) return interrupted(last, memory);
      throw err;
    }
    if (nextMs >= windowEndMs) return last;
  }
}

/** A breach by counts weighs more than drift: green must go, whoever changed what. */
function verdictOf(input: WatchInput, looked: Looked, endpoint: EndpointState | 'gone' | null): WatchResult {
  const result = resultOf(looked);
  if (result.verdict === 'breach' || endpoint === null) return result;
  if (endpoint === 'gone') {
    return { ...result, verdict: 'drift', sentence: `endpoint ${input.endpoint} is gone`, observed: null };
  }
  const trouble = instanceTrouble(input, looked.memory, endpoint);
  if (trouble !== null) return { ...result, verdict: 'breach', sentence: trouble };
  const observed = driftIn(input, endpoint);
  if (observed === undefined) return result;
  const shows = observed === null ? 'a deployment is gone' : `it shows ${trafficText(observed)}`;
  return {
    ...result,
    verdict: 'drift',
    sentence: `someone else changed ${input.endpoint}: the rollout wrote ${trafficText(input.expected)}, ${shows}`,
    observed,
  };
}

/** All readings at once; what does not answer is null, and the look goes on without it. */
async function read(
  ports: TargetPorts,
  input: WatchInput,
  signal: AbortSignal,
): Promise<{ readonly snapshot: MetricsSnapshot | null; readonly endpoint: EndpointState | 'gone' | null }> {
  const late = AbortSignal.timeout(ENDPOINT_MS);
  const both = [input.baseline, input.green];
  const [snapshot, own, endpoint] = await Promise.all([
    orNull('metrics', ports.metrics.read(input.endpoint, both, { signal })),
    readOwn(ports, input, both, signal),
    orNull(
      'endpoint',
      ports.endpoints
        .read(input.endpoint, { signal: AbortSignal.any([signal, late]) })
        .catch((err: unknown) => {
          if (isPortError(err) && err.code === 'ResourceNotFound') return 'gone' as const;
          throw err;
        }),
    ),
  ]);
  return { snapshot: snapshot && own ? { ...snapshot, own } : snapshot, endpoint };
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

async function orNull<T>(what: string, reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (err) {
    const gaveUp = err instanceof Error && (err.name === 'AbortError' || err.name === 'TimeoutError');
    if (!isPortError(err) && !gaveUp) throw err;
    log.debug('Reading failed; the look goes on without it', { what, error: err.message });
    return null;
  }
}

function interrupted(last: WatchResult | null, memory: WatchMemory): WatchResult {
  // The worker stops, nobody decided anything: fail this attempt, so that another one goes on.
  if (cancellationDetails()?.workerShutdown === true) throw new CancelledFailure('WORKER_SHUTDOWN');
  return {
    verdict: 'window-over',
    sentence: last?.sentence ?? '',
    evidence: last?.evidence ?? [],
    observed: null,
    memory,
  };
}

function resumed(input: WatchInput): WatchMemory | null {
  const beat = activityInfo().heartbeatDetails as Partial<WatchBeat> | undefined;
  return beat?.v === 1 && beat.memory?.stepIndex === input.stepIndex ? beat.memory : null;
}
