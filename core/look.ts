import {
  advance,
  beginStep,
  collect,
  convertForBake,
  expectedPerBlue,
  explain,
  failing,
  gateEvidence,
  holds,
  initialState,
  mapGates,
  readingOf,
  recordLook,
  startCollecting,
  collectOwn,
  ownReadings,
  signalInWords,
  stepConfig,
  type CollectOptions,
  type Decision,
  type GateEvidence,
  type GateSetup,
  type GateState,
  type Look,
  type Reading,
  type Signal,
} from './gates/index.js';
import { mappingInput } from './mapping-input.js';
import type { MetricsSnapshot } from './metrics.js';
import { ownQueriesOf, type Gate } from './plan.js';
import { shareOf } from './traffic.js';
import { durationText } from './units.js';
import { blindAfterMs, type WatchInput, type WatchMemory, type WatchResult } from './watch.js';

/** What one look found. `window-over` means here: nothing is decided, look on. */
export interface Looked {
  readonly memory: WatchMemory;
  readonly verdict: 'breach' | 'pass' | 'undecided' | 'window-over';
  readonly sentence: string;
  readonly evidence: readonly GateEvidence[];
  /** Why this look told the gates nothing; null where it told them something, or marked where counting starts. */
  readonly blind: string | null;
}

const VERDICT_OF: Readonly<Record<Decision, Looked['verdict']>> = {
  breach: 'breach',
  pass: 'pass',
  inconclusive: 'undecided',
  continue: 'window-over',
};

/**
 * What a watch begins with: the memory it was given, made ready for its step.
 *
 * A new step closes open blocks and starts the clocks anew; the breach evidence stays. Counters are read afresh, since
 * green may get its requests another way now. After cutover the gates are turned into limits on green alone.
 */
export function enterStep(input: WatchInput, nowMs: number): WatchMemory {
  const { memory } = input;
  if (memory === null) {
    return {
      v: 1,
      stepIndex: input.stepIndex,
      enteredAtMs: nowMs,
      lostMs: 0,
      setup: null,
      state: null,
      collector: null,
      kind: input.kind,
      blindSinceMs: null,
      record: [],
      restartsBefore: null,
    };
  }
  const entered =
    memory.stepIndex === input.stepIndex
      ? memory
      : {
          ...readAfresh(memory),
          stepIndex: input.stepIndex,
          enteredAtMs: nowMs,
          lostMs: 0,
          lostBlindMs: 0,
          state: memory.setup && memory.state && beginStep(memory.setup.config, memory.state),
        };
  // Somebody sends it live requests in the middle of mirroring, say: those counters are others.
  const kindChanged = entered.kind !== undefined && entered.kind !== input.kind;
  const now = { ...(kindChanged ? readAfresh(entered) : entered), kind: input.kind };
  if (!input.alone || now.setup === null || now.state === null || now.setup.alone) return now;
  return { ...readAfresh(now), ...convertedForBake(now.setup, now.state) };
}

function convertedForBake(setup: GateSetup, state: GateState): Pick<WatchMemory, 'setup' | 'state'> {
  const converted = convertForBake(setup, state);
  return { setup: converted.setup, state: converted.state };
}

/** Counters differ from another moment on; that green's began anew before is not forgotten. */
function readAfresh(memory: WatchMemory): WatchMemory {
  const resetsMs = memory.collector?.greenResetsMs ?? memory.resetsMs ?? [];
  return { ...memory, collector: null, own: {}, ...(resetsMs.length === 0 ? {} : { resetsMs }) };
}

/** Evidence of one look into memory and verdict. Pure: the activity brings the snapshot (null = the source is away). */
export function look(
  input: WatchInput,
  memory: WatchMemory,
  snapshot: MetricsSnapshot | null,
  nowMs: number,
): Looked {
  const setUp =
    memory.setup === null ? setUpGates(input, memory, snapshot, nowMs) : { memory, waiting: null };
  if (setUp.waiting !== null) return setUp.waiting;
  return judge(input, { ...setUp.memory, ...lagOf(snapshot) }, snapshot, nowMs);
}

/** How far a source that gathers may be behind, and the user's own, while all is well. */
function lagOf(snapshot: MetricsSnapshot | null): Pick<WatchMemory, 'lagMs'> {
  const cadences = [snapshot?.cadence, snapshot?.own?.cadence].filter((cadence) => cadence !== undefined);
  if (cadences.length === 0) return {};
  return { lagMs: Math.max(...cadences.map(({ everyMs, behindMs }) => everyMs + behindMs)) };
}

/** The answer of a watch. */
export function resultOf(
  looked: Looked,
  { watching }: Pick<WatchInput, 'watching'>,
  nowMs: number,
): WatchResult {
  const { blindSinceMs } = looked.memory;
  const forLong = blindSinceMs !== null && nowMs - blindSinceMs >= blindAfterMs(watching);
  return { ...looked, observed: null, blind: forLong ? looked.blind : null };
}

/** Freezes edges and weights, once there is enough of the baseline to do so. */
function setUpGates(
  input: WatchInput,
  memory: WatchMemory,
  snapshot: MetricsSnapshot | null,
  nowMs: number,
): { readonly memory: WatchMemory; readonly waiting: Looked | null } {
  if (snapshot === null)
    return { memory, waiting: waiting(input, memory, 'the metric source does not answer', nowMs) };
  const mapped = mapGates(mappingInput(input, snapshot));
  if (!mapped.ok) {
    const why = mapped.problems.map((problem) => problem.message).join('; ');
    return { memory, waiting: waiting(input, memory, why, nowMs) };
  }
  const state = initialState(mapped.setup.config);
  // Until now no gate saw anything, and what was answered before is not counted by any.
  const unseenMs = nowMs - Math.max(memory.enteredAtMs, memory.blindSinceMs ?? nowMs);
  const entered = { ...memory, setup: mapped.setup, state, lostMs: (memory.lostMs ?? 0) + unseenMs };
  if (!input.alone) return { memory: entered, waiting: null };
  return { memory: { ...entered, ...convertedForBake(mapped.setup, state) }, waiting: null };
}

/**
 * Gates that lacked requests of the baseline are tried again; what they are judged by from now on starts at nothing.
 *
 * Their edges and bets are chosen by what looks have counted, and the next one begins there: no gate is judged by what it was
 * made from. Where this look did not count the baseline, the next one will count it from before this snapshot. Gates on the
 * user's own metrics cannot count it twice: as long as they wait, no buckets of theirs are kept.
 */
function completeGates(
  input: WatchInput,
  memory: WatchMemory,
  snapshot: MetricsSnapshot,
  { status }: Look,
): WatchMemory {
  const { setup, state } = memory;
  if (setup === null || state === null || setup.pending.length === 0) return memory;
  const known = mappingInput(input, snapshot);
  const counted = status.blue === 'ok' ? known : { ...known, baseline: null };
  const mapped = mapGates({ ...counted, previous: setup });
  if (!mapped.ok || mapped.setup.pending.length === setup.pending.length) return memory;
  const waiting = setup.pending.map((problem) => problem.gate);
  const metrics = Object.fromEntries(
    Object.entries(state.metrics).filter(([name]) => !waiting.includes(name)),
  );
  return { ...memory, setup: mapped.setup, state: { ...state, metrics } };
}

/** No gate can be judged yet: nothing is good, nothing is bad, and the step's time runs. */
function waiting(input: WatchInput, memory: WatchMemory, why: string, nowMs: number): Looked {
  const over = input.mode === 'judge' && nowMs - memory.enteredAtMs >= input.dwell.atMostMs;
  return {
    memory: { ...memory, blindSinceMs: memory.blindSinceMs ?? nowMs },
    verdict: over ? 'undecided' : 'window-over',
    sentence: `no gate can be judged: ${why}`,
    evidence: [],
    blind: why,
  };
}

/** A source that is away is a reading without data: looks go on, the clock runs, and nothing is concluded. */
function readingFor(input: WatchInput, snapshot: MetricsSnapshot | null, nowMs: number): Reading {
  if (snapshot === null) return { atMs: nowMs, ageMs: Infinity, edgesMs: [], blue: null, green: null };
  return readingOf(snapshot, {
    blue: { deployment: input.baseline, kind: 'live' },
    green: { deployment: input.green, kind: input.kind },
  });
}

function judge(
  input: WatchInput,
  memory: WatchMemory,
  snapshot: MetricsSnapshot | null,
  nowMs: number,
): Looked {
  const setup = memory.setup as GateSetup;
  const options = collectOptions(input, setup, memory);
  const state = memory.state ?? initialState(setup.config);
  const reading = readingFor(input, snapshot, nowMs);
  const takeOwn = () => {
    const arms = { blue: input.alone ? null : input.baseline, green: input.green };
    const readings = ownReadings(snapshot?.own, ownQueriesOf(input.gates), arms, nowMs);
    return collectOwn(memory.own ?? {}, readings, setup.config, options);
  };
  if (memory.collector === null) {
    const collector = { ...startCollecting(reading, options), greenResetsMs: memory.resetsMs ?? [] };
    const still = memory.blindSinceMs !== null && collector.base.green === null;
    const blind = still ? `no usable metrics of ${input.green} yet` : null;
    const begun = { ...memory, state, collector, own: takeOwn().collectors };
    return undecidedYet(begun, 'the first look only marks where counting starts', blind);
  }
  const {
    state: collector,
    look: counted,
    signals: all,
    lostMs,
  } = collect(memory.collector, reading, options);
  const main = all.filter((signal) => signal.kind !== 'untimed' || isBlinding(signal, input));
  const names = { blue: input.baseline, green: input.green };
  const blindBy = (signals: readonly Signal[]) => {
    const why = signals.map((signal) => signalInWords(signal, names.blue, names.green)).join('; ');
    return why === '' ? NOT_BLIND : { blind: why, blindSinceMs: memory.blindSinceMs ?? nowMs };
  };
  const blinding = main.filter((signal) => isBlinding(signal, input));
  if (counted === null) {
    const { blind, blindSinceMs } = blindBy(blinding);
    const waits = { ...memory, state, collector, blindSinceMs };
    return undecidedYet(waits, blindText(waits, nowMs) ?? 'waiting for both deployments’ counters', blind);
  }

  const own = takeOwn();
  const ownAway = own.signals.filter((signal) => isAwayForLong(signal, input));
  const { blind, blindSinceMs } = blindBy([...blinding, ...ownAway]);
  // What is not seen is not good: the step waits for its gates to see again. A look or two without data are none of it.
  const forLong = nowMs - (blindSinceMs ?? nowMs) >= blindAfterMs(input.watching);
  const lost = lostAfter(memory, lostMs, forLong);
  const seen = { ...memory, state, collector, blindSinceMs, own: own.collectors, ...lost };
  const taken = Object.keys(own.looks).length === 0 ? counted : { ...counted, own: own.looks };
  const fails = failing(state, taken);
  const signals = [...main, ...own.signals, ...(fails === null ? [] : [fails])];
  const config = stepConfig(setup.config, { ...input.dwell, active: input.active });
  const hold = holds(signals) || forLong || ownAway.length > 0;
  const { state: judged, result } = advance(config, state, taken, { mode: input.mode, hold });
  const evidence = gateEvidence(config, judged, result, input.baseline);
  const restarting = signals.find((signal) => signal.kind === 'restarting');
  const after = { ...seen, state: judged, record: recordLook(memory.record, taken, shortestBlipSec(setup)) };
  return {
    memory: snapshot === null ? after : completeGates(input, after, snapshot, taken),
    verdict: restarting === undefined ? VERDICT_OF[result.decision] : 'breach',
    sentence:
      restarting === undefined
        ? explain({
            config,
            state: judged,
            result,
            signals,
            hold,
            pending: setup.pending,
            mode: input.mode,
            ...names,
          })
        : signalInWords(restarting, names.blue, names.green),
    evidence,
    blind,
  };
}

/**
 * Time that is lost while gates have seen nothing for long runs as it does without a source, and counts as lost once they
 * see again: by a source that never stops counting anew, a bake would never be over.
 */
function lostAfter(
  { lostMs = 0, lostBlindMs = 0 }: WatchMemory,
  byThisLookMs: number,
  blindForLong: boolean,
): Pick<WatchMemory, 'lostMs' | 'lostBlindMs'> {
  const lost = lostBlindMs + byThisLookMs;
  return blindForLong ? { lostMs, lostBlindMs: lost } : { lostMs: lostMs + lost, lostBlindMs: 0 };
}

/** No longer than a gate's block, so that a replay closes its blocks as the rollout did. */
function shortestBlipSec({ config }: GateSetup): number {
  return Math.min(...config.metrics.map((metric) => metric.blipSec));
}

function collectOptions(input: WatchInput, setup: GateSetup, { enteredAtMs }: WatchMemory): CollectOptions {
  const { expected, green, kind } = input;
  const share = kind === 'mirror' ? shareOf(expected.mirror, green) : shareOf(expected.live, green);
  return {
    intervalMs: input.watching.intervalMs,
    edgesMs: setup.config.edgesMs,
    perBlue: expectedPerBlue(kind, share),
    kind,
    alone: input.alone,
    enteredAtMs,
    patienceMs: Math.max(5_000, 3 * input.watching.intervalMs),
  };
}

function undecidedYet(memory: WatchMemory, sentence: string, blind: string | null): Looked {
  return { memory, verdict: 'window-over', sentence, evidence: [], blind };
}

/**
 * Whether gates see nothing for it. Without the baseline, or its times, limits on green go on; what compares with it cannot.
 *
 * @param own - the gate whose own source it is; left out for the main one.
 */
function isBlinding(signal: Signal, { gates, active }: WatchInput, own?: string): boolean {
  const listening = gates.filter(({ name }) => (own === undefined ? active.includes(name) : name === own));
  const compares = ({ limit }: Gate): boolean => limit.kind !== 'at-most';
  switch (signal.kind) {
    case 'stale':
      return true;
    case 'missing':
      return signal.arm === 'green' || listening.some(compares);
    case 'untimed': {
      const timed = own === undefined ? listening.filter(isTimed) : listening;
      return signal.arm === 'green' ? timed.length > 0 : timed.some(compares);
    }
    default:
      return false;
  }
}

function isTimed({ metric }: Gate): boolean {
  return metric === 'latency' || metric === 'slow-share';
}

const NOT_BLIND = { blind: null, blindSinceMs: null };

/** Whether a gate of the step has had nothing from its own source for so long that people would be told. */
function isAwayForLong(own: Signal, input: WatchInput): boolean {
  if (own.kind !== 'own' || !input.active.includes(own.gate)) return false;
  const { gate, signal } = own;
  if (!isBlinding(signal, input, gate)) return false;
  return !('forSec' in signal) || signal.forSec * 1000 >= blindAfterMs(input.watching);
}

function blindText(memory: WatchMemory, nowMs: number): string | null {
  if (memory.blindSinceMs === null) return null;
  return `no metrics for ${durationText(Math.max(1000, nowMs - memory.blindSinceMs))}; nothing is concluded from that`;
}
