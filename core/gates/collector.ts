import { difference, NO_DATA, totalsOf, type Difference, type Reading, type Totals } from './counters.js';
import type { PairCounts } from '../metrics.js';
import { pairsBetween } from './pairs.js';
import { starved, withinWindow, type Flow, type Starved } from './starved.js';
import type { Look } from './types.js';
import { untimedAfter, untimedForMs, type Untimed } from './untimed.js';

type ArmName = 'blue' | 'green';
type PerArm<T> = Readonly<Record<ArmName, T>>;

/** What the collector remembers between looks: plain JSON. A gap in watching becomes one longer look. */
export interface CollectorState {
  readonly v: 1;
  /** Until when looks were taken, milliseconds since the epoch. */
  readonly clockMs: number;
  /** When the data of the last look was made. */
  readonly dataAtMs: number;
  /** The same of each arm's own; left out by workers that took one for both. */
  readonly armsAtMs?: PerArm<number>;
  /** Totals at the left edge of the next look; null = the arm has to be seen twice before it counts. */
  readonly base: PerArm<Totals | null>;
  /** When the counters at green's left edge were read; left out by workers that did not keep it. */
  readonly greenAtMs?: number;
  /** Until when looks had requests of green; left out where none had. */
  readonly greenBusyAtMs?: number;
  /** Since when an arm has had no usable data; null while it has. */
  readonly awaySinceMs: PerArm<number | null>;
  /** Requests of an arm whose time is in no histogram; left out by workers that did not look for them. */
  readonly untimed?: PerArm<Untimed | null>;
  /** When green's counters last started anew, newest last. */
  readonly greenResetsMs: readonly number[];
  /** The last minute, for starved green. */
  readonly flows: readonly Flow[];
  readonly perBlue: number | null;
  /** Pairs at the left edge of the next look, where the source gives them. */
  readonly pairs?: PairCounts;
}

export interface CollectOptions {
  readonly intervalMs: number;
  /** The gates' own edges, frozen with them. */
  readonly edgesMs: readonly number[];
  /** Green's requests for each of the baseline's (`expectedPerBlue`); null where that cannot be said. */
  readonly perBlue: number | null;
  /** How green gets its requests. Default `live`. */
  readonly kind?: 'live' | 'mirror';
  /** There is no baseline to wait for, or to compare with; if it has counters, they tell when the source began anew. */
  readonly alone?: boolean;
  /** When the step began: looks say how long after it their data does, where the source can. */
  readonly enteredAtMs?: number;
  /** How long an arm is waited for, before looks go on without it. */
  readonly patienceMs: number;
}

/** What the counters alone do not say: each is worth a word of its own. */
export type Signal =
  | {
      readonly kind: 'starved';
      readonly expected: number;
      readonly got: number;
      readonly windowSec: number;
      readonly waiting: number | null;
    }
  | { readonly kind: 'dead-mirror'; readonly expected: number; readonly windowSec: number }
  | { readonly kind: 'missing'; readonly arm: ArmName; readonly forSec: number }
  /** Its requests are counted, and its histogram is missing, or stands still. */
  | { readonly kind: 'untimed'; readonly arm: ArmName; readonly forSec: number }
  | { readonly kind: 'stale'; readonly ageSec: number }
  /** In this step, whatever the baseline did. */
  | { readonly kind: 'failing'; readonly errors: number; readonly n: number }
  | { readonly kind: 'restarting'; readonly count: number; readonly windowSec: number }
  /** Of a metric of the user's own. */
  | { readonly kind: 'own'; readonly gate: string; readonly signal: Signal };

export interface Collected {
  readonly state: CollectorState;
  /** null: nothing to judge yet, keep adding. */
  readonly look: Look | null;
  /** For how long nothing is known of green, and never will be: its counters began anew after it. */
  readonly lostMs: number;
  readonly signals: readonly Signal[];
}

const RESTARTS = 3;
const RESTART_WINDOW_MS = 600_000;

/** The first reading: where all differences start. */
export function startCollecting(reading: Reading, options: CollectOptions): CollectorState {
  const usable = (arm: ArmName) => usableTotals(reading, arm, options);
  const away = (totals: Totals | null) => (totals === null ? reading.atMs : null);
  const base = { blue: usable('blue'), green: usable('green') };
  const atMs = (arm: ArmName) => (base[arm] === null ? 0 : dataAt(reading, arm));
  return {
    v: 1,
    clockMs: reading.atMs,
    dataAtMs: isStale(reading, options) ? 0 : reading.atMs - reading.ageMs,
    armsAtMs: { blue: atMs('blue'), green: atMs('green') },
    base,
    greenAtMs: reading.atMs,
    awaySinceMs: { blue: away(base.blue), green: away(base.green) },
    greenResetsMs: [],
    flows: [],
    perBlue: options.perBlue,
    ...(reading.pairs && { pairs: reading.pairs }),
  };
}

function usableTotals(reading: Reading, arm: ArmName, options: CollectOptions): Totals | null {
  const counters = reading[arm];
  if (counters === null || isStale(reading, options)) return null;
  const totals = totalsOf(counters, reading.edgesMs, options.edgesMs);
  return totals === null || reading.sinceMs === undefined ? totals : { ...totals, sinceMs: reading.sinceMs };
}

/** When the newest data of an arm was made. */
function dataAt(reading: Reading, arm: ArmName): number {
  return reading.atMs - reading.ageMs - (reading[arm]?.olderByMs ?? 0);
}

/** The same of its left edge. */
function edgeAt(state: CollectorState, arm: ArmName): number {
  return state.armsAtMs?.[arm] ?? state.dataAtMs;
}

/** Data older than a minute, or six intervals or two of the source's own, if that is more, is no data. */
function isStale(reading: Reading, { intervalMs }: CollectOptions): boolean {
  return !(reading.ageMs <= Math.max(60_000, 6 * intervalMs, 2 * (reading.everyMs ?? 0)));
}

/** What one arm has to say at this reading. `wait`: it had data before, and may have again at the next reading. */
interface ArmReading extends Difference {
  readonly to: Totals | null;
  readonly wait: boolean;
}

function readArm(state: CollectorState, reading: Reading, arm: ArmName, options: CollectOptions): ArmReading {
  const base = state.base[arm];
  const clockWentBack = reading.atMs < state.clockMs;
  const fresh = dataAt(reading, arm) > edgeAt(state, arm) || clockWentBack;
  const to = fresh ? usableTotals(reading, arm, options) : null;
  if (to === null) return { status: 'missing', look: NO_DATA, to: null, wait: base !== null };
  // Counted anew from another moment on: there is nothing to wait for, and no restart.
  if (base === null || base.sinceMs !== to.sinceMs)
    return { status: 'missing', look: NO_DATA, to, wait: false };
  const made = difference(base, to);
  return { ...made, to, wait: made.status === 'missing' };
}

/**
 * Takes a reading in (gates.md 6.1). A look is made when both arms have a difference with the same right edge;
 * otherwise the next reading makes a longer one. An arm that stays away longer than the patience is left out, so that
 * limits on green go on and the step's clock runs.
 */
export function collect(state: CollectorState, reading: Reading, options: CollectOptions): Collected {
  const alone = options.alone === true;
  const green = readArm(state, reading, 'green', options);
  const witness = readArm(state, reading, 'blue', options);
  const blue: ArmReading = alone ? { status: 'missing', look: NO_DATA, to: null, wait: false } : witness;
  const waited = reading.atMs - state.clockMs;
  const awaySinceMs = {
    blue: alone ? null : awaySince(state, 'blue', blue, reading),
    green: awaySince(state, 'green', green, reading),
  };
  if ((green.wait || blue.wait) && waited < patience(reading, options)) {
    const waiting = { ...state, awaySinceMs };
    return { state: waiting, look: null, lostMs: 0, signals: signals(waiting, reading, options) };
  }
  const dtSec = wholeLooks(Math.max(0, waited), options.intervalMs) / 1000;
  const sinceSec = sinceStepSec(state, reading, options, { blue, green });
  const { pairs: pairsBefore, ...before } = state;
  const pairs = pairsBetween(pairsBefore, reading.pairs);
  const next: CollectorState = {
    ...before,
    ...(reading.pairs && { pairs: reading.pairs }),
    awaySinceMs,
    untimed: {
      blue: untimedAfter(state.untimed?.blue ?? null, blue, state.clockMs),
      green: untimedAfter(state.untimed?.green ?? null, green, state.clockMs),
    },
    clockMs: reading.atMs,
    dataAtMs: green.to || blue.to ? reading.atMs - reading.ageMs : state.dataAtMs,
    armsAtMs: {
      blue: witness.to === null ? edgeAt(state, 'blue') : dataAt(reading, 'blue'),
      green: green.to === null ? edgeAt(state, 'green') : dataAt(reading, 'green'),
    },
    base: {
      blue: baseAfter(state.base.blue, witness, green),
      green: baseAfter(state.base.green, green, blue),
    },
    ...(green.to && { greenAtMs: reading.atMs }),
    ...(green.look.n > 0 && { greenBusyAtMs: reading.atMs }),
    greenResetsMs: isGreensOwn(green, witness, state.base.blue)
      ? [...state.greenResetsMs, reading.atMs].slice(-RESTARTS)
      : state.greenResetsMs,
    ...flowsAfter(state, options, { blue, green }, { dtSec, sinceSec }),
  };
  const look: Look = {
    dtSec,
    ...(sinceSec !== undefined && { sinceSec }),
    blue: blue.look,
    green: green.look,
    status: { blue: blue.status, green: green.status },
    ...(pairs && { pairs }),
  };
  const lostMs =
    green.to === null || green.status === 'ok' ? 0 : reading.atMs - (state.greenAtMs ?? state.clockMs);
  return { state: next, look, lostMs: Math.max(0, lostMs), signals: signals(next, reading, options) };
}

/** How long after the step's beginning the oldest data of a look begins; undefined of a source that tells of now. */
function sinceStepSec(
  state: CollectorState,
  { behindMs }: Reading,
  { enteredAtMs }: CollectOptions,
  arms: PerArm<ArmReading>,
): number | undefined {
  const told = (['blue', 'green'] as const).filter((arm) => arms[arm].status === 'ok');
  if (behindMs === undefined || enteredAtMs === undefined || told.length === 0) return undefined;
  return (Math.min(...told.map((arm) => edgeAt(state, arm))) - behindMs - enteredAtMs) / 1000;
}

function patience({ everyMs = 0 }: Reading, { patienceMs }: CollectOptions): number {
  return Math.max(patienceMs, 1.5 * everyMs);
}

/** Of an interval: looks come so much sooner or later by the machine's doing, and not by the user's. */
const JITTER = 0.05;

/**
 * The time between two readings as it was meant. A block of two looks would last for three where they come 5 ms too soon,
 * and a breach with it.
 */
function wholeLooks(waitedMs: number, intervalMs: number): number {
  const meantMs = Math.max(1, Math.round(waitedMs / intervalMs)) * intervalMs;
  return Math.abs(waitedMs - meantMs) <= JITTER * intervalMs ? meantMs : waitedMs;
}

/** An arm without data keeps its left edge only if the other one has not moved on either: edges must stay the same. */
function baseAfter(base: Totals | null, own: ArmReading, other: ArmReading): Totals | null {
  if (own.to !== null) return own.to;
  return other.to === null ? base : null;
}

/**
 * Whether green's counters began anew, and not those of the whole source: the baseline's would have, too. From 0, where
 * they stay once it has no requests any more, they cannot go back, and tell nothing.
 */
function isGreensOwn(green: ArmReading, witness: ArmReading, blue: Totals | null): boolean {
  const tells = witness.status !== 'ok' || blue?.requests !== 0;
  return green.status === 'reset' && witness.status !== 'reset' && tells;
}

/** One that began to count anew has nothing to tell either, and one that does so at every reading never will. */
function awaySince(state: CollectorState, arm: ArmName, now: ArmReading, reading: Reading): number | null {
  return now.status === 'ok' ? null : (state.awaySinceMs[arm] ?? reading.atMs);
}

function flowsAfter(
  state: CollectorState,
  { perBlue }: CollectOptions,
  { blue, green }: PerArm<ArmReading>,
  { dtSec, sinceSec = 0 }: { readonly dtSec: number; readonly sinceSec: number | undefined },
): Pick<CollectorState, 'flows' | 'perBlue'> {
  // Another share: what came before says nothing of what is due now.
  const before = perBlue === state.perBlue ? state.flows : [];
  const both = blue.status === 'ok' && green.status === 'ok' && sinceSec >= 0;
  const flows = both ? withinWindow([...before, { dtSec, blue: blue.look.n, green: green.look.n }]) : before;
  return { flows, perBlue };
}

function signals(state: CollectorState, reading: Reading, options: CollectOptions): Signal[] {
  const found: Signal[] = [];
  const hungry = starved(state.flows, state.perBlue);
  if (hungry) found.push(hungerSignal(hungry, reading.green?.active ?? null, options));
  if (isStale(reading, options)) {
    found.push({ kind: 'stale', ageSec: reading.ageMs / 1000 });
  } else {
    for (const arm of ['blue', 'green'] as const) {
      const since = state.awaySinceMs[arm];
      if (since === null) continue;
      const forMs = Math.max(0, reading.atMs - since);
      // Between two minutes of a source that gathers by the minute, nothing is missing.
      const everyMs = reading.everyMs ?? 0;
      if (everyMs === 0 || forMs > everyMs) found.push({ kind: 'missing', arm, forSec: forMs / 1000 });
    }
  }
  found.push(...untimedSignals(state, reading, options));
  const first = state.greenResetsMs.at(-RESTARTS);
  if (first !== undefined && reading.atMs - first <= RESTART_WINDOW_MS) {
    found.push({ kind: 'restarting', count: RESTARTS, windowSec: (reading.atMs - first) / 1000 });
  }
  return found;
}

function untimedSignals(state: CollectorState, reading: Reading, options: CollectOptions): Signal[] {
  if (options.edgesMs.length === 0) return [];
  const arms: readonly ArmName[] = options.alone === true ? ['green'] : ['blue', 'green'];
  return arms.flatMap((arm): Signal[] => {
    const before = state.untimed?.[arm] ?? null;
    const forMs = untimedForMs(before, state.base[arm], reading.atMs, patience(reading, options));
    return forMs === null ? [] : [{ kind: 'untimed', arm, forSec: forMs / 1000 }];
  });
}

/** Copies that neither ended nor wait for an answer were never sent. */
function hungerSignal(hungry: Starved, waiting: number | null, { kind }: CollectOptions): Signal {
  const { expected, windowSec } = hungry;
  const dead = kind === 'mirror' && hungry.got === 0 && (waiting ?? 0) === 0;
  return dead ? { kind: 'dead-mirror', expected, windowSec } : { kind: 'starved', ...hungry, waiting };
}

const HOLDING: readonly Signal['kind'][] = ['starved', 'dead-mirror', 'failing', 'restarting'];

/** Whether a signal forbids a pass: what is not counted may be what hangs. */
export function holds(signals: readonly Signal[]): boolean {
  return signals.some(({ kind }) => HOLDING.includes(kind));
}
