import { lnEvidence } from './evariable.js';
import { BREACH_GRID, lnBreachWeight } from './grid.js';
import { logAddExp, logSumExp, zeros } from './numbers.js';
import { afterBlueLook, atBlockStart, countsAsShared } from './shared.js';
import { lnUnspent, nextStart, startsOf } from './starts.js';
import type { BadCounts, BreachState, MetricConfig, PairedCounts } from './types.js';

export function initialBreach(metric: MetricConfig): BreachState {
  return {
    blocks: 0,
    open: false,
    blockSec: 0,
    lnR: null,
    inBlock: zeros(BREACH_GRID.length),
    shared: false,
    blue: metric.r === 0 && metric.shared !== 'strict' ? zeros(BREACH_GRID.length) : null,
  };
}

/** Most that one block can add, so that a hiccup of green alone cannot roll back (gates.md 2.2). */
export function blockCap(alpha: number, metric: Pick<MetricConfig, 'starts'> = {}): number {
  return 0.5 * Math.log((1 / alpha - 1) / startsOf(metric).first);
}

/**
 * What an outage's first block leaves to the next two, in caps. Two would be met exactly, and not at all where the bets that
 * hold the wealth do not fill their caps because noise tempers them; with less than 1.5, many gates at once could decide
 * in the second.
 */
const ROOM = 1.7;

/**
 * Most that the open block can add. Where a third block decides and little wealth is in play, that is more than
 * {@link blockCap}: as much as leaves room for two blocks of nearly that. So a hiccup that touches two blocks does not roll
 * back by itself, and what lasts into a third one does, whenever it begins. It is known when the block begins, so the
 * bound holds as with any cap.
 */
function openCap({ lnR }: BreachState, metric: MetricConfig, alpha: number): number {
  const cap = blockCap(alpha, metric);
  if (metric.thirdBlockDecides !== true || lnR === null) return cap;
  // What this metric needs by its share of alpha; half a cap at most, so that many gates together cannot do it sooner.
  const wanted = Math.log(1 / alpha) + Math.min(-Math.log(metric.weight), cap / 2);
  const inPlay = logSumExp(lnR.map((wealth, i) => lnBreachWeight(metric, i) + wealth));
  return Math.max(cap, wanted - inPlay - ROOM * cap);
}

/** Evidence of the open block as it counts: at most the cap, and never against green while the baseline suffers too. */
function counted(state: BreachState, index: number, cap: number): number {
  return Math.min(state.inBlock[index] ?? 0, state.shared ? 0 : cap);
}

/** Ends the open block, if there is one. */
export function closeBlock(state: BreachState, metric: MetricConfig, alpha: number): BreachState {
  if (!state.open || state.lnR === null) return state;
  const cap = openCap(state, metric, alpha);
  return {
    ...state,
    open: false,
    blockSec: 0,
    lnR: state.lnR.map((wealth, i) => wealth + counted(state, i, cap)),
    inBlock: zeros(BREACH_GRID.length),
  };
}

/** The step's last block ends, and the next one begins another step. */
export function breachAtStep(state: BreachState, metric: MetricConfig, alpha: number): BreachState {
  const closed = closeBlock(state, metric, alpha);
  return metric.starts === undefined || closed.blocks === 0 ? closed : { ...closed, atStep: true };
}

function openBlock(state: BreachState, metric: MetricConfig, alpha: number): BreachState {
  if (state.open) return state;
  const { begun, lnStart } = nextStart(state, metric);
  return {
    ...state,
    ...begun,
    open: true,
    blockSec: 0,
    lnR: BREACH_GRID.map((_, i) => logAddExp(state.lnR?.[i] ?? -Infinity, lnStart)),
    inBlock: zeros(BREACH_GRID.length),
    blue: state.blue && atBlockStart(state.blue, alpha),
  };
}

/** ln M of the metric: the wealth in play and what is still to be put in play. */
export function lnWealth(state: BreachState, metric: MetricConfig, alpha: number): number {
  const unspent = lnUnspent(state, metric);
  if (state.lnR === null) return unspent;
  const cap = openCap(state, metric, alpha);
  const inPlay = state.lnR.map(
    (wealth, i) => lnBreachWeight(metric, i) + wealth + (state.open ? counted(state, i, cap) : 0),
  );
  return logAddExp(logSumExp(inPlay), unspent);
}

/** The factors as they were before the look. */
export interface BreachFactors {
  readonly phi: number;
  readonly phiBlue: number;
}

/**
 * One look on the breach side: opens a block if none is open, adds the look's evidence, and gives the log wealth that
 * the look is judged by; then closes the block if it is long enough.
 */
export function breachLook(
  state: BreachState,
  metric: MetricConfig,
  alpha: number,
  counts: BadCounts | PairedCounts,
  dtSec: number,
  { phi, phiBlue }: BreachFactors,
): { readonly state: BreachState; readonly lnM: number } {
  const opened = openBlock(state, metric, alpha);
  const inBlock = BREACH_GRID.map(
    (tilt, i) => (opened.inBlock[i] ?? 0) + lnEvidence(counts, metric.r, metric.delta, tilt) / phi,
  );
  const blue = opened.blue && afterBlueLook(opened.blue, counts.xB, counts.nB, metric.delta, phiBlue);
  const added: BreachState = {
    ...opened,
    blockSec: opened.blockSec + dtSec,
    inBlock,
    blue,
    shared: blue !== null && countsAsShared(blue),
  };
  const lnM = lnWealth(added, metric, alpha);
  return { state: added.blockSec >= metric.blipSec ? closeBlock(added, metric, alpha) : added, lnM };
}
