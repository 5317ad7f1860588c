import { azureCapabilities, unableMirror } from '../../core/capabilities.js';
import { sharesOf } from '../compile-steps.js';
import type { Path, Problem } from '../problem.js';
import { problemAt } from '../source.js';
import { isShift, stepPath, type Facts, type ShiftForm } from './facts.js';

/** Shares ascend; mirroring is possible where it is asked for. */
export function shareRules(facts: Facts): Problem[] {
  return [...ascending(facts, 'mirror'), ...ascending(facts, 'ramp'), ...mirrorable(facts)];
}

function ascending({ draft, steps }: Facts, kind: 'mirror' | 'ramp'): Problem[] {
  const shares = steps.flatMap((step, index) =>
    isShift(step) && kind in step ? sharesWithPaths(step, index, kind) : [],
  );
  return shares.flatMap(({ percent, path }, position) => {
    const before = shares[position - 1]?.percent;
    if (before === undefined || percent > before) return [];
    return [
      problemAt(draft.source, path, {
        code: 'shares-ascend',
        message: `shares must ascend: ${percent}% comes after ${before}%`,
        help: `write a share above ${before}%, or remove this one`,
      }),
    ];
  });
}

function sharesWithPaths(step: ShiftForm, index: number, kind: string): { percent: number; path: Path }[] {
  if ('mirror' in step) return [{ percent: step.mirror, path: stepPath(index, kind) }];
  return sharesOf(step).map((percent, position) => ({
    percent,
    path: Array.isArray(step.ramp) ? stepPath(index, kind, position) : stepPath(index, kind),
  }));
}

/** What is known of a target before it is asked; a Kubernetes gateway says itself what it can do, at preflight. */
function mirrorable({ draft, steps, deployment }: Facts): Problem[] {
  const target = draft.fields.target;
  if (target === undefined || 'kubernetes' in target) return [];
  const can = azureCapabilities('azureml' in target ? (deployment?.type ?? 'managed') : 'managed');
  return steps.flatMap((step, index) =>
    isShift(step) && 'mirror' in step
      ? unableMirror(step.mirror, can).map(({ because, instead }) =>
          problemAt(draft.source, stepPath(index, 'mirror'), {
            code: can.mirror.shares === 'none' ? 'no-mirroring' : 'mirror-share',
            message: because,
            help: instead,
            key: can.mirror.shares === 'none',
          }),
        )
      : [],
  );
}
