import type { BreachState, MetricConfig, Starts } from './types.js';

/** As the algorithm has them where a metric says nothing else: half for the first block, no step apart (gates.md 2.2). */
const EVEN: Starts = { first: 0.5, step: 0, steps: 0 };

const FIRST = 0.7;
const STEPS = 0.15;

/** Where a rollout of so many steps expects a regression to begin: with green's first requests, or with another share. */
export function expectedStarts(steps: number): Starts {
  const later = Math.max(0, steps - 1);
  return { first: FIRST, step: later === 0 ? 0 : STEPS / later, steps: later };
}

/** Without restarts, all of it for the one block that begins. */
export function startsOf({ starts = EVEN }: Pick<MetricConfig, 'starts'>): Starts {
  return starts;
}

/** Share of a block that begins neither the rollout nor a step. */
function elsewhere({ first, step, steps }: Starts, planned: number): number {
  return Math.max(0, 1 - first - step * steps) / (planned - 1);
}

/** Start weight of a regression that begins in the middle of a step, for a forecast. */
export function lateStart(metric: MetricConfig): number {
  return metric.plannedBlocks === 1 ? 1 : elsewhere(startsOf(metric), metric.plannedBlocks);
}

/** The start weight of the block that begins now, and what is counted of it. A metric of one block has no restarts. */
export function nextStart(
  { blocks, stepStarts = 0, atStep = false }: BreachState,
  metric: MetricConfig,
): { readonly begun: Partial<BreachState>; readonly lnStart: number } {
  const planned = metric.plannedBlocks;
  const starts = startsOf(metric);
  if (blocks === 0) return { begun: { blocks: 1 }, lnStart: planned === 1 ? 0 : Math.log(starts.first) };
  if (atStep && planned > 1 && stepStarts < starts.steps) {
    const begun = { blocks: blocks + 1, stepStarts: stepStarts + 1, atStep: false };
    return { begun, lnStart: Math.log(starts.step) };
  }
  const begun = { blocks: blocks + 1, ...(atStep && { atStep: false }) };
  const left = blocks - stepStarts < planned;
  return { begun, lnStart: left ? Math.log(elsewhere(starts, planned)) : -Infinity };
}

/** ln of the start weight that no block has had yet; exactly zero wealth once all of it is given out. */
export function lnUnspent({ blocks, stepStarts = 0 }: BreachState, metric: MetricConfig): number {
  const planned = metric.plannedBlocks;
  if (blocks === 0) return 0;
  if (planned === 1) return -Infinity;
  const starts = startsOf(metric);
  const others = Math.max(0, planned - (blocks - stepStarts)) * elsewhere(starts, planned);
  return Math.log(others + Math.max(0, starts.steps - stepStarts) * starts.step);
}
