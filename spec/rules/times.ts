import type { Problem } from '../problem.js';
import { problemAt } from '../source.js';
import { durationText } from '../units.js';
import { isShift, stepPath, type Facts } from './facts.js';

/** Times fit together: no dwell ends before it may, or before the gates begin to judge. */
export function timeRules({ draft, steps }: Facts): Problem[] {
  const judgedFrom = firstJudged(draft.fields.watching);
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
      // Its last look is the first one past its end, and is taken whenever it began before.
      return judged(draft, path, atMostMs, judgedFrom?.beginsMs);
    }
    const bakes = step !== null && step !== 'cutover' && 'bake' in step;
    // At its end nobody looks any more.
    return bakes ? judged(draft, stepPath(index, 'bake'), step.bake, judgedFrom?.endsMs) : [];
  });
}

/**
 * What the first look holds that gates judge, from the step's first traffic on. The look before all only marks where
 * counting starts, and one that begins in the warm-up holds requests of it.
 */
function firstJudged(
  watching: Facts['draft']['fields']['watching'],
): { readonly beginsMs: number; readonly endsMs: number } | undefined {
  if (watching === undefined) return undefined;
  const { interval, 'warm-up': warmUp } = watching;
  const beginsMs = Math.ceil(warmUp / interval) * interval;
  return { beginsMs, endsMs: beginsMs + interval };
}

function judged(
  { fields: { watching }, source }: Facts['draft'],
  path: readonly (string | number)[],
  lastsMs: number,
  untilMs: number | undefined,
): Problem[] {
  if (watching === undefined || untilMs === undefined || lastsMs > untilMs) return [];
  const { interval, 'warm-up': warmUp } = watching;
  return [
    problemAt(
      source,
      path,
      lastsMs <= warmUp
        ? {
            code: 'never-judged',
            message: `the step ends after ${durationText(lastsMs)}, and its first ${durationText(warmUp)} are warm-up, which no gate judges`,
            help: 'make the step longer than the warm-up, or set "watching: { warm-up: 5s }"',
          }
        : {
            code: 'never-judged',
            message: `the step ends after ${durationText(lastsMs)}, and no gate judges in its first ${durationText(untilMs)}: looks are ${durationText(interval)} apart, and none counts that begins in the warm-up of ${durationText(warmUp)}`,
            help: 'make the step longer, or set "watching: { interval: 5s }"',
          },
    ),
  ];
}
