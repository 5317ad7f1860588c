import type { GateEvidence, GateProblem, RecordedLook } from './gates/index.js';
import {
  advance,
  beginStep,
  convertForBake,
  explain,
  failing,
  initialState,
  mapGates,
  replayLook,
  stepConfig,
} from './gates/index.js';
import type { OwnNow } from './gates/map-metric.js';
import type { OwnTotals } from './metrics.js';
import type { Gate, Plan, Watching } from './plan.js';
import { plannedWatches, plannedWatchMs } from './plan.js';
import { stepLabel } from './status-text.js';
import type { Traffic } from './traffic.js';
import type { WatchInput, WatchResult } from './watch.js';

/** One window of a rollout as its history keeps it: what was asked, counted and concluded. */
export interface RecordedWindow {
  readonly stepIndex: number;
  readonly label: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly traffic: Traffic;
  readonly mode: 'judge' | 'guard';
  readonly alone: boolean;
  readonly active: readonly string[];
  readonly dwell: WatchInput['dwell'];
  readonly verdict: WatchResult['verdict'];
  readonly sentence: string;
  readonly evidence: readonly GateEvidence[];
  readonly edgesMs: readonly number[];
  /** Edges of the user's own metrics, by gate; left out where there are none. */
  readonly ownEdges?: Readonly<Record<string, readonly number[]>>;
  readonly looks: readonly RecordedLook[];
}

/** All that a rollout's gates saw and said. */
export interface DecisionRecord {
  readonly v: 1;
  readonly plan: Plan;
  readonly baseline: string;
  readonly windows: readonly RecordedWindow[];
}

/** The window of one finished watch. */
export function recordedWindow(
  plan: Plan,
  input: WatchInput,
  result: WatchResult,
  times: { readonly startedAtMs: number; readonly endedAtMs: number },
): RecordedWindow {
  const step = plan.steps[input.stepIndex];
  return {
    stepIndex: input.stepIndex,
    label: step === undefined ? '' : stepLabel(step),
    ...times,
    traffic: input.expected,
    mode: input.mode,
    alone: input.alone,
    active: input.active,
    dwell: input.dwell,
    verdict: result.verdict,
    sentence: result.sentence,
    evidence: result.evidence,
    edgesMs: result.memory.setup?.config.edgesMs ?? [],
    ...ownEdges(result),
    looks: result.memory.record,
  };
}

function ownEdges({ memory }: WatchResult): Pick<RecordedWindow, 'ownEdges'> {
  const own = (memory.setup?.config.metrics ?? []).filter((metric) => metric.own !== undefined);
  if (own.length === 0) return {};
  return { ownEdges: Object.fromEntries(own.map((metric) => [metric.name, metric.own?.edges ?? []])) };
}

/** What a step's gates decided first, and when; null = nothing while it was recorded. */
export interface StepDecision {
  readonly stepIndex: number;
  readonly label: string;
  readonly recorded: Decided | null;
  readonly replayed: Decided | null;
}

export interface Decided {
  readonly decision: 'breach' | 'pass' | 'undecided';
  /** Seconds of recorded looks from the step's first one. */
  readonly afterSec: number;
  readonly sentence: string;
}

export type Replay =
  | { readonly ok: true; readonly steps: readonly StepDecision[] }
  | { readonly ok: false; readonly problems: readonly GateProblem[] };

/**
 * Runs recorded evidence through other gates. Where a gate would have decided sooner, the rollout would have gone
 * another way from there on: what is recorded after that is only what its actual way saw.
 *
 * Looks are recorded joined up to the length of a blip, so times are exact to a blip. Relative latency gates freeze
 * their edges by what the baseline did in the first window, since what it did before is not in the record.
 */
export function replayGates(record: DecisionRecord, gates: readonly Gate[], watching: Watching): Replay {
  const first = record.windows.find((window) => window.looks.length > 0);
  const mapped = mapGates({
    gates,
    watching,
    plannedMs: plannedWatchMs(record.plan),
    plannedSteps: plannedWatches(record.plan),
    plannedRequests: first === undefined ? null : plannedRequests(record.plan, first),
    edgesMs: first?.edgesMs ?? [],
    baseline: first === undefined ? null : baselineOf(first),
    own: ownOf(record),
    ...(record.plan.carriedDispersion && { carried: record.plan.carriedDispersion }),
  });
  if (!mapped.ok) return mapped;
  const names = { blue: record.baseline, green: record.plan.deployment.name };
  const known = new Set(gates.map((gate) => gate.name));

  let { setup } = mapped;
  let state = initialState(setup.config);
  const steps: StepDecision[] = [];
  let elapsedSec = 0;
  for (const window of record.windows) {
    if (steps.at(-1)?.stepIndex !== window.stepIndex) {
      state = beginStep(setup.config, state);
      steps.push({ stepIndex: window.stepIndex, label: window.label, recorded: null, replayed: null });
      elapsedSec = 0;
    }
    if (window.alone && !setup.alone) ({ setup, state } = convertForBake(setup, state));
    // Gates that the recorded step did not know are listened to: they are what is being tried.
    const wasKnown = new Set(record.plan.gates.map((gate) => gate.name));
    const active = [...known].filter((name) => window.active.includes(name) || !wasKnown.has(name));
    const config = stepConfig(setup.config, { ...window.dwell, active });
    for (const recorded of window.looks) {
      const look = replayLook(recorded, setup.config.edgesMs.length, lengths(window));
      // As in the rollout, but for how long: what is not seen is not good.
      const hold = look.status.green === 'missing' || failing(state, look) !== null;
      const next = advance(config, state, look, { mode: window.mode, hold });
      state = next.state;
      elapsedSec += look.dtSec;
      const { decision } = next.result;
      if (decision === 'continue') continue;
      const sentence = explain({
        config,
        state,
        result: next.result,
        signals: [],
        pending: setup.pending,
        mode: window.mode,
        ...names,
      });
      decideFirst(steps, 'replayed', {
        decision: decision === 'inconclusive' ? 'undecided' : decision,
        afterSec: elapsedSec,
        sentence,
      });
    }
    const { verdict, sentence } = window;
    if (verdict === 'breach' || verdict === 'pass' || verdict === 'undecided') {
      decideFirst(steps, 'recorded', { decision: verdict, afterSec: elapsedSec, sentence });
    }
  }
  return { ok: true, steps };
}

function decideFirst(steps: StepDecision[], side: 'recorded' | 'replayed', decided: Decided): void {
  const step = steps.pop();
  if (step !== undefined) steps.push(step[side] === null ? { ...step, [side]: decided } : step);
}

/** All requests in the planned time, if they come as they did in this window. */
function plannedRequests(plan: Plan, { looks }: RecordedWindow): number {
  const seconds = looks.reduce((sum, { dtSec }) => sum + dtSec, 0);
  const requests = looks.reduce((sum, { blue, green }) => sum + blue.n + green.n, 0);
  return seconds === 0 ? 0 : (requests / seconds) * (plannedWatchMs(plan) / 1000);
}

function lengths({ ownEdges: edges = {} }: RecordedWindow): Record<string, number> {
  return Object.fromEntries(Object.entries(edges).map(([gate, all]) => [gate, all.length]));
}

/** By gate: the edges of the first window that knows them, and what the baseline did in it. */
function ownOf({ windows }: DecisionRecord): Record<string, OwnNow> {
  const known: Record<string, OwnNow> = {};
  for (const window of windows) {
    for (const [gate, edges] of Object.entries(window.ownEdges ?? {})) {
      const looks = window.looks.flatMap((look) => look.own?.[gate] ?? []);
      if (looks.length > 0) known[gate] ??= { edges, baseline: sumOfBlue(looks, edges.length) };
    }
  }
  return known;
}

function baselineOf(window: RecordedWindow): OwnTotals {
  return sumOfBlue(window.looks, window.edgesMs.length);
}

function sumOfBlue(recorded: readonly RecordedLook[], edges: number): OwnTotals {
  const looks = recorded
    .map((look) => replayLook(look, edges).blue)
    .filter((arm) => edges === 0 || arm.le.length > 0);
  return {
    requests: looks.reduce((sum, arm) => sum + arm.n, 0),
    errors: looks.reduce((sum, arm) => sum + arm.errors, 0),
    le: Array.from({ length: edges + 1 }, (_, i) => looks.reduce((sum, arm) => sum + (arm.le[i] ?? 0), 0)),
  };
}
