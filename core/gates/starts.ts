import type { BreachState, MetricConfig, Starts } from './types.js';

/** As the algorithm has them where a metric says nothing else: half for the first block, no step apart (gates.md 2.2). */
const EVEN: Starts = { first: 0.5, step: 0, steps: 0 };

/** Approvals, holds and pauses are in no plan, and green serves all the while. */
const BEYOND = 0.05;
const FIRST = 0.7 * (1 - BEYOND);
const STEPS = 0.15 * (1 - BEYOND);

/** Where a rollout of so many steps expects a regression to begin: with green's first requests, or with another share. */
export function expectedStarts(steps: number): Starts {
  const later = Math.max(0, steps - 1);
  return { first: FIRST, step: later === 0 ? 0 : STEPS / later, steps: later, beyond: BEYOND };
}

export function startsOf({ starts = EVEN }: Pick<MetricConfig, 'starts'>): Starts {
  return starts;
}

/** The shares as a metric's plan has room for them; `other` is a block's that begins neither the rollout nor a step. */
function sharesOf(metric: MetricConfig): Required<Starts> & { readonly other: number } {
  const { first, step, steps, beyond = 0 } = startsOf(metric);
  // One block alone has all that is not for blocks beyond the plan.
  if (metric.plannedBlocks === 1) return { first: 1 - beyond, step: 0, steps: 0, beyond, other: 0 };
  const other = Math.max(0, 1 - first - step * steps - beyond) / (metric.plannedBlocks - 1);
  return { first, step, steps, beyond, other };
}

/** Start weight of a regression that begins with the rollout. */
export function firstStart(metric: MetricConfig): number {
  return sharesOf(metric).first;
}

/** Start weight of a regression that begins with a later step. */
export function stepStart(metric: MetricConfig): number {
  return Math.exp(nextStart({ blocks: 1, atStep: true }, metric).lnStart);
}

/**
 * What is left of the share for blocks beyond the plan, once so many blocks have begun.
 *
 * The n-th block, beyond a plan of B, has what it takes away: `beyond * B / (n (n - 1))`. So all of them together have the
 * share and no more, however many there are, and as long a time again as the plan has about what planned blocks have.
 */
function leftBeyond(beyond: number, planned: number, begun: number): number {
  return (beyond * planned) / Math.max(planned, begun);
}

/** The start weight of the block that begins now, and what is counted of it. */
export function nextStart(
  { blocks, stepStarts = 0, atStep = false }: Pick<BreachState, 'blocks' | 'stepStarts' | 'atStep'>,
  metric: MetricConfig,
): { readonly begun: Partial<BreachState>; readonly lnStart: number } {
  const planned = metric.plannedBlocks;
  const { first, step, steps, beyond, other } = sharesOf(metric);
  if (blocks === 0) return { begun: { blocks: 1 }, lnStart: Math.log(first) };
  if (atStep && stepStarts < steps) {
    const begun = { blocks: blocks + 1, stepStarts: stepStarts + 1, atStep: false };
    return { begun, lnStart: Math.log(step) };
  }
  const before = blocks - stepStarts;
  const start = before < planned ? other : leftBeyond(beyond, planned, before) / (before + 1);
  return { begun: { blocks: blocks + 1, ...(atStep && { atStep: false }) }, lnStart: Math.log(start) };
}

/** ln of the start weight that no block has had yet; exactly zero wealth once all of it is given out. */
export function lnUnspent({ blocks, stepStarts = 0 }: BreachState, metric: MetricConfig): number {
  if (blocks === 0) return 0;
  const planned = metric.plannedBlocks;
  const { step, steps, beyond, other } = sharesOf(metric);
  const before = blocks - stepStarts;
  const ofPlan = Math.max(0, planned - before) * other + Math.max(0, steps - stepStarts) * step;
  return Math.log(ofPlan + leftBeyond(beyond, planned, before));
}
