import type { Counters } from '../metrics.js';
import type { Gate, Watching } from '../plan.js';
import { counted } from '../units.js';
import { firstBets } from './bets.js';
import { firstBreachBets } from './breach-bets.js';
import { CRASH_GUARD, CRASH_GUARD_WEIGHT, crashGuard } from './crash-guard.js';
import { mapMetric, type MappedMetric, type Margin, type OwnNow } from './map-metric.js';
import type { GateNote, GateProblem, GateSetup } from './setup.js';
import { expectedStarts } from './starts.js';
import type { MetricConfig } from './types.js';

export interface MappingInput {
  /** All gates of the plan, whichever step listens to them. */
  readonly gates: readonly Gate[];
  readonly watching: Watching;
  /** Sum of the longest times of all watched steps, milliseconds. */
  readonly plannedMs: number;
  /** How many steps are watched: a regression is expected to begin with one of them. Left out: that is not known. */
  readonly plannedSteps?: number;
  /** All of the endpoint's requests in the planned time; left out or null where that is not known. */
  readonly plannedRequests?: number | null;
  /** Bucket edges of the source; empty where it has no histograms. */
  readonly edgesMs: readonly number[];
  /** What the baseline did before the gates start (a difference, or totals); null where nothing is known of it. */
  readonly baseline: Pick<Counters, 'requests' | 'errors' | 'le'> | null;
  /** By gate with a metric of the user's own: its edges, and what the baseline did. */
  readonly own?: Readonly<Record<string, OwnNow>>;
  /** Dispersion at the end of the endpoint's last rollout, by gate. */
  readonly carried?: Readonly<Record<string, number>>;
  /** The setup so far, with gates pending: what is frozen in it stays as it is, the pending ones are tried again. */
  readonly previous?: GateSetup;
}

export type Mapping =
  | { readonly ok: true; readonly setup: GateSetup }
  | { readonly ok: false; readonly problems: readonly GateProblem[] };

/** Weight of a dispersion carried over from the last rollout, in count-blocks. */
const CARRIED_NU0 = 16;

/** `ceil(planned time / max(blip, interval))`: how many blocks may begin over the rollout. */
export function plannedBlocks(plannedMs: number, blipMs: number, intervalMs: number): number {
  return Math.max(1, Math.ceil(plannedMs / Math.max(blipMs, intervalMs, 1)));
}

/**
 * Turns a plan's gates into what the machine judges by (gates.md 3), with edges frozen. Do it once and keep the result
 * for the whole rollout; while `setup.pending` is not empty, do it again with `previous` at later looks.
 *
 * A gate that is completed later starts with its own evidence at nothing: what it is compared by was chosen from looks
 * before it started, so its guarantee is the same. The step's own times and active gates are set by `stepConfig`.
 */
export function mapGates(input: MappingInput): Mapping {
  const { gates, watching } = input;
  const edgesMs = input.previous?.config.edgesMs ?? input.edgesMs;
  const sameEdges =
    edgesMs.length === input.edgesMs.length && edgesMs.every((edge, i) => edge === input.edgesMs[i]);
  const baseline = sameEdges ? input.baseline : null;
  const blocks = (blipMs: number) => plannedBlocks(input.plannedMs, blipMs, watching.intervalMs);
  const weighed = weights(gates);
  const starts = input.plannedSteps === undefined ? {} : { starts: expectedStarts(input.plannedSteps) };
  const problems: GateProblem[] = [...weighed.problems, ...nameProblems(gates)];
  const pending: GateProblem[] = [];
  const notes: GateNote[] = [];
  const metrics: MetricConfig[] = [];
  gates.forEach((gate, i) => {
    const kept = frozen(gate, input.previous);
    if (kept !== null) {
      metrics.push(kept.metric);
      notes.push(...kept.notes);
      return;
    }
    const own = input.own?.[gate.name];
    const mapped: MappedMetric = mapMetric(gate, edgesMs, baseline, own);
    for (const problem of mapped.problems) {
      const early = problem.kind === 'too-little-baseline' || problem.kind === 'no-own-data';
      const later = early || input.previous !== undefined;
      (later ? pending : problems).push(problem);
    }
    notes.push(...mapped.notes);
    const metric: MetricConfig = {
      name: gate.name,
      ...(mapped.margin ?? { ...UNKNOWN_YET, ...('query' in gate && { own: { edges: [] } }) }),
      weight: weighed.of[i] ?? 0,
      blipSec: gate.blipMs / 1000,
      plannedBlocks: blocks(gate.blipMs),
      passRole: gate.role === 'required',
      shared: gate.shared,
      dispersion: dispersion(gate, mapped.margin?.r === 0, input.carried),
    };
    // Events need not be as many as requests are.
    const known =
      'query' in gate
        ? { baseline: own?.baseline ?? null, requests: null }
        : { baseline, requests: input.plannedRequests ?? null };
    metrics.push({
      ...metric,
      ...starts,
      bets: firstBets(metric, known.baseline, watching.alphaPass),
      breachBets: firstBreachBets(metric, known),
    });
  });
  if (problems.length > 0) return { ok: false, problems };
  const guard: MetricConfig = { ...crashGuard(gates, blocks), ...starts };
  return {
    ok: true,
    setup: {
      v: 1,
      alone: false,
      pending,
      notes,
      config: {
        alpha: watching.alpha,
        alphaPass: watching.alphaPass,
        warmupSec: watching.warmUpMs / 1000,
        minDurationSec: 0,
        deadlineSec: input.plannedMs / 1000,
        edgesMs: [...edgesMs],
        dispersion: { mode: 'auto' },
        metrics: [gates.length === 0 ? { ...guard, weight: 1 } : guard, ...metrics],
      },
    },
  };
}

/** A latency metric without edges sees nothing, so it is never proven: its gate holds back a pass. */
const UNKNOWN_YET: Margin = { source: 'latency', r: 1, delta: 0 };

function frozen(
  gate: Gate,
  previous: GateSetup | undefined,
): { readonly metric: MetricConfig; readonly notes: readonly GateNote[] } | null {
  if (previous === undefined || previous.pending.some((problem) => problem.gate === gate.name)) return null;
  const metric = previous.config.metrics.find(({ name }) => name === gate.name);
  return metric === undefined
    ? null
    : { metric, notes: previous.notes.filter((note) => note.gate === gate.name) };
}

/**
 * Beside an absolute limit, the baseline shows clusters sooner than green does. Not beside a margin: what moves both
 * arms would look like clusters of the baseline, and there it cancels.
 */
function dispersion(
  gate: Gate,
  absolute: boolean,
  carried: MappingInput['carried'],
): NonNullable<MetricConfig['dispersion']> {
  if (gate.dispersion.mode === 'fixed') return gate.dispersion;
  const phi0 = carried?.[gate.name];
  const by = absolute ? ({ by: 'larger' } as const) : {};
  return phi0 === undefined ? { mode: 'auto', ...by } : { mode: 'auto', phi0, nu0: CARRIED_NU0, ...by };
}

/** Shares of alpha: the crash guard's, those that are given, and equal parts of the rest. */
function weights(gates: readonly Gate[]): {
  readonly of: readonly number[];
  readonly problems: GateProblem[];
} {
  const free = 1 - CRASH_GUARD_WEIGHT;
  const empty = gates.find((gate) => gate.weight !== null && !(gate.weight > 0));
  if (empty) {
    const message = `Gate ${empty.name}: weight must be above 0, got ${empty.weight}; leave it out for an equal part`;
    return { of: [], problems: [{ gate: empty.name, kind: 'weights', message }] };
  }
  const given = gates.reduce((sum, gate) => sum + (gate.weight ?? 0), 0);
  const open = gates.filter((gate) => gate.weight === null).length;
  if (open === 0) {
    // Shares among themselves: all of what the crash guard leaves is spent.
    return { of: gates.map((gate) => (free * (gate.weight ?? 0)) / given), problems: [] };
  }
  if (given >= free) {
    const message =
      `The weights that gates are given add up to ${given}; the crash guard has ${CRASH_GUARD_WEIGHT}, so nothing is ` +
      `left for ${counted(open, 'gate')} without a weight; they must add up to less than ${free}`;
    return { of: [], problems: [{ gate: null, kind: 'weights', message }] };
  }
  return { of: gates.map((gate) => gate.weight ?? (free - given) / open), problems: [] };
}

function nameProblems(gates: readonly Gate[]): GateProblem[] {
  return gates
    .filter((gate) => gate.name === CRASH_GUARD)
    .map((gate) => ({
      gate: gate.name,
      kind: 'name-taken',
      message: `A gate is named ${CRASH_GUARD}, the name of the built-in one; give it another name`,
    }));
}
