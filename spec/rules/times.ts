import type { Problem } from '../problem.js';
import { problemAt } from '../source.js';
import { durationText } from '../units.js';
import { isShift, stepPath, type Facts } from './facts.js';

/** Times fit together: no dwell ends before it may, or before the gates begin to judge. */
export function timeRules({ draft, steps }: Facts): Problem[] {
  const warmUpMs = draft.fields.watching?.['warm-up'];
  return steps.flatMap((step, index) => {
    if (isShift(step)) {
      const { atLeastMs, atMostMs } = step.for;
      const path = stepPath(index, 'for');
      if (atLeastMs > atMostMs) {
        return [
          problemAt(draft.source, path, {
            code: 'window-order',
            message: `the step would last at least ${durationText(atLeastMs)} and at most ${durationText(atMostMs)}`,
            help: `the shorter time comes first; write ${durationText(atMostMs)} .. ${durationText(atLeastMs)}`,
          }),
        ];
      }
      return judged(draft, path, atMostMs, warmUpMs);
    }
    const bakes = step !== null && step !== 'cutover' && 'bake' in step;
    return bakes ? judged(draft, stepPath(index, 'bake'), step.bake, warmUpMs) : [];
  });
}

function judged(
  draft: Facts['draft'],
  path: readonly (string | number)[],
  atMostMs: number,
  warmUpMs: number | undefined,
): Problem[] {
  if (warmUpMs === undefined || atMostMs > warmUpMs) return [];
  return [
    problemAt(draft.source, path, {
      code: 'never-judged',
      message: `the step ends after ${durationText(atMostMs)}, and its first ${durationText(warmUpMs)} are warm-up, which no gate judges`,
      help: 'make the step longer than the warm-up, or set "watching: { warm-up: 5s }"',
    }),
  ];
}
