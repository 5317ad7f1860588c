import type { StepTimes } from './messages.js';
import type { Step } from './plan.js';
import type { RunState } from './run.js';

/** A bake of which no more than so much was not seen has missed none of it. */
const UNSEEN = 0.1;

/** So much of a bake is to have been seen when it is over. */
export function bakeSeenMs(forMs: number): number {
  return (1 - UNSEEN) * forMs;
}

type Clock = Pick<RunState, 'stepStartedAtMs' | 'stepPausedMs' | 'stepIndex' | 'memory'>;

/**
 * From when on the time of the step under way counts, milliseconds since the epoch: pauses and holds for drift do not, metrics that
 * are behind tell of it that much later, and of a bake nothing counts that was not seen.
 */
export function countsFromMs(step: Step | undefined, state: Clock): number {
  const fromMs = state.stepStartedAtMs + state.stepPausedMs;
  switch (step?.kind) {
    case 'mirror':
    case 'ramp':
      return fromMs + lagMs(state);
    case 'bake':
      return fromMs + lagMs(state) + unseenMs(step.forMs, state);
    default:
      return fromMs;
  }
}

function lagMs({ memory, stepIndex }: Clock): number {
  return memory?.stepIndex === stepIndex ? (memory.lagMs ?? 0) : 0;
}

/** Before the first look nobody has looked; and what was counted before counters began anew is not known. */
function unseenMs(forMs: number, { memory, stepIndex, stepStartedAtMs }: Clock): number {
  if (memory?.stepIndex !== stepIndex) return 0;
  const unseen = memory.enteredAtMs - stepStartedAtMs + (memory.lostMs ?? 0);
  return unseen > UNSEEN * forMs ? unseen : 0;
}

/** How long the step under way may last; null where it has no time of its own. */
export function stepTimes(step: Step | undefined, state: Clock): StepTimes | null {
  const sinceMs = countsFromMs(step, state);
  switch (step?.kind) {
    case 'mirror':
    case 'ramp':
      return { sinceMs, ...step.dwell };
    case 'bake':
      return { sinceMs, atLeastMs: step.forMs, atMostMs: step.forMs };
    case 'approve':
      return { sinceMs, atLeastMs: 0, atMostMs: step.withinMs };
    default:
      return null;
  }
}
