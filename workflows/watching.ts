import { plannedWatches, plannedWatchMs, type Dwell } from '../core/plan.js';
import { blindHold, unseenIn } from '../core/blind-hold.js';
import { visibleDrift, type Drift, type Written } from '../core/drift.js';
import { driftOfWindow, type WatchInput, type WatchResult } from '../core/watch.js';
import { holdOf, stepLabel } from '../core/status-text.js';
import { hasTraffic, shareOf, type Traffic } from '../core/traffic.js';
import { interruptible } from './interruptible.js';
import { WINDOW_MS, watch } from './proxies.js';
import type { Run } from './run.js';
import { Stop } from './stop.js';

/** What a watch is asked to do; the rest follows from the run. */
export interface Watch {
  readonly mode: 'judge' | 'guard';
  readonly gates: readonly string[];
  readonly dwell: Dwell;
  /** Stop looking at this time; null = no limit of its own. */
  readonly untilMs: number | null;
  /** But not before so much of the step was seen. */
  readonly seenMs?: number;
  /** Stop looking as soon as this is true. Checked whenever a person acts. */
  readonly interrupt: () => boolean;
}

/** Every gate, and nothing can pass: while the rollout waits for somebody. */
export function guarding({ plan }: Run): Omit<Watch, 'interrupt'> {
  return {
    mode: 'guard',
    gates: plan.gates.map((gate) => gate.name),
    dwell: { atLeastMs: 0, atMostMs: 0 },
    untilMs: null,
  };
}

/** What a window came to that did not end in a breach. */
type Watched = WatchResult & { readonly verdict: Exclude<WatchResult['verdict'], 'breach'> };

/**
 * One window: looks until something is decided, the window is over, or a person wants something else.
 *
 * Whether the step's time is over is the answer of the looks and nothing that is decided by the time here: a worker that
 * is asked for the status before it gets the next workflow task has the events since the last one already, at the time of
 * that one. What it decides then is not what a replay decides, which ends a workflow for good.
 *
 * @throws {Stop} on a breach, and when a person aborts or rejects.
 */
export async function watchWindow(run: Run, asked: Watch): Promise<Watched | 'interrupted'> {
  throwIfStopped(run);
  if (asked.interrupt()) return 'interrupted';

  run.show();
  run.turns += 1;
  const ended = await interruptible(
    () => watch.executeWithOptions({ summary: summaryOf(run, asked) }, [inputOf(run, asked)]),
    () => stopped(run) || asked.interrupt(),
    () => !stopped(run), // a rollback does not wait for the look under way; anything else takes its evidence along
  );
  throwIfStopped(run);
  if (ended.how === 'failed') throw ended.error;
  // Cancelled before it could answer (its worker died): the last window's memory stands, and the next look spans the gap.
  if (ended.how === 'interrupted') return 'interrupted';

  const result = ended.value;
  if (result.atMs !== undefined) run.state.lookedAtMs = result.atMs;
  run.blindForMs = result.blindForMs ?? 0;
  run.failed = result.failed ?? null;
  // Its record stays with the window's result in the history; the next window keeps its own.
  run.state.memory = { ...result.memory, record: [] };
  if (result.memory.setup !== null) run.state.metricsBefore = null;
  const names = { endpoint: run.plan.endpoint, green: run.green };
  run.state.blind = blindHold(run.state.blind, result, names, Date.now());
  if (result.baselineAnswers === true) run.forgetInstances();
  run.state.verdict = result.sentence;
  run.state.evidence = result.evidence;
  run.show();
  const { verdict, observed, scaled = [], replaced } = result;
  // Green may have its first share from somebody else, and so may another under its name; whatever becomes of the rollout, it
  // does not keep it.
  if (replaced !== undefined || (observed !== null && hasTraffic(observed, run.green)))
    run.willGiveTrafficBack();
  if (verdict === 'breach') {
    // The same look may have found the baseline scaled down, and the rollback goes there. Who was held for as scaled down
    // and is no more may have no instance ready yet: that undo stays, and is waited for.
    if (run.baselineIn(scaled) !== undefined) run.willRescale(scaled);
    throw new Stop('rolled-back', result.sentence);
  }
  return { ...result, verdict };
}

/**
 * Looks at green until then. A window that ends before, as where gates go blind or somebody changes something, is followed by
 * another: who is waited for meanwhile is not asked sooner.
 *
 * @param found - takes what someone else made of the endpoint.
 */
export async function lookOn(
  run: Run,
  untilMs: number,
  found: (drift: Drift) => Promise<void> | void,
): Promise<void> {
  for (;;) {
    const looked = await watchWindow(run, { ...guarding(run), untilMs, interrupt: () => false });
    if (looked === 'interrupted') return;
    const { verdict, timeOver, atMs } = looked;
    if (verdict === 'drift') await found(driftOfWindow(looked));
    // Older workers do not tell, and sit their windows out.
    else if (timeOver ?? atMs === undefined) return;
  }
}

function inputOf(run: Run, asked: Watch): WatchInput {
  const { plan, state } = run;
  const longestMs = Math.min(WINDOW_MS, plan.watching.windowMs ?? WINDOW_MS);
  const leftMs = asked.untilMs === null ? Infinity : Math.max(0, asked.untilMs - run.nowMs);
  const held = state.hold?.kind === 'drift' ? state.hold : null;
  const expected = held?.observed ?? run.expected;
  const unseen = unseenIn(state.blind);
  return {
    ...run.endpoint,
    stepIndex: state.stepIndex,
    baseline: state.baseline,
    green: run.green,
    environmentVariables: plan.deployment.environmentVariables,
    expected,
    written: writtenBy(run),
    held: held && visibleDrift(run.expected, held),
    kind: greenKind(expected, run.green),
    mode: asked.mode,
    // By what the rollout wrote: what someone else made of it may be taken back, and the gates compare again.
    alone: shareOf(run.expected.live, run.green) > 0 && shareOf(run.expected.live, state.baseline) === 0,
    watching: plan.watching,
    gates: plan.gates,
    active: asked.gates,
    dwell: asked.dwell,
    plannedMs: plannedWatchMs(plan),
    plannedSteps: plannedWatches(plan),
    ...(plan.carriedDispersion === undefined ? {} : { carriedDispersion: plan.carriedDispersion }),
    windowMs: Math.min(longestMs, leftMs),
    final: leftMs <= longestMs,
    ...(asked.seenMs === undefined ? {} : { seenMs: asked.seenMs }),
    blind: unseen.includes('metrics'),
    unread: unseen.includes('endpoint'),
    before: state.metricsBefore,
    memory: state.memory,
  };
}

/** The endpoint as the rollout left it. */
export function writtenBy(run: Run): Written {
  const { baseline, instances, adopted } = run.state;
  const madeBy = adopted ? {} : { madeBy: run.rolloutId };
  return { traffic: run.expected, baseline, green: run.green, instances, ...madeBy };
}

function summaryOf(run: Run, asked: Watch): string {
  const label = run.step === undefined ? '' : stepLabel(run.step);
  const why = holdOf(run.state) !== null ? ', held' : run.state.paused !== null ? ', paused' : '';
  return `watch ${run.green}: ${label}${asked.mode === 'guard' ? ' (guarding)' : ''}${why}`;
}

/** Whether a person wants everything taken back. */
export function stopped(run: Run): boolean {
  return run.abort !== null || run.rejection !== null;
}

/** @throws {Stop} when a person has aborted or rejected. */
export function throwIfStopped(run: Run): void {
  const { abort, rejection } = run;
  if (abort !== null) throw new Stop('aborted', `aborted by ${abort.by}: ${abort.reason}`);
  if (rejection !== null) throw new Stop('aborted', `rejected by ${rejection.by}: ${rejection.reason}`);
}

/** How green gets its requests under these rules. */
function greenKind(traffic: Traffic, green: string): 'live' | 'mirror' {
  return shareOf(traffic.live, green) === 0 && shareOf(traffic.mirror, green) > 0 ? 'mirror' : 'live';
}
