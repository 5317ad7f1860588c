import type { Problem } from '../problem.js';
import type { StepName } from '../schema/steps.js';
import { problemAt, type Complaint } from '../source.js';
import { isShift, nameOf, stepPath, type Facts } from './facts.js';

/** Which steps may follow which. */
export function orderRules({ draft, steps }: Facts): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<StepName>();
  // A step that could not be read may be the one that is missed.
  const whole = !steps.includes(null);
  steps.forEach((step, index) => {
    if (step === null) return;
    const name = nameOf(step);
    const complaint = misplaced(name, index, seen, !steps.slice(0, index).includes(null));
    if (complaint) problems.push(problemAt(draft.source, stepPath(index, name), { ...complaint, key: true }));
    seen.add(name);
  });
  if (whole && !seen.has('create') && draft.fields.adopt === false) {
    problems.push(
      problemAt(draft.source, ['steps'], {
        code: 'no-create',
        message:
          'the steps have no "create", so there would be no green; expected "create" as the first step',
        help: 'write "- create" first, or "adopt: true" at the top if the deployment exists already',
        key: true,
      }),
    );
  }
  if (whole) problems.push(...endWarnings({ draft, steps }, seen));
  return problems;
}

function misplaced(
  name: StepName,
  index: number,
  seen: ReadonlySet<StepName>,
  sure: boolean,
): Omit<Complaint, 'key'> | undefined {
  if (seen.has('delete-baseline')) {
    return {
      code: 'after-the-end',
      message: `"${name}" stands after "delete-baseline", which ends the rollout`,
      help: 'make "delete-baseline" the last step',
    };
  }
  switch (name) {
    case 'create':
      if (index === 0) return undefined;
      return { code: 'create-first', message: '"create" must be the first step', help: 'move it to the top' };
    case 'mirror':
      if (!seen.has('ramp') && !seen.has('cutover')) return undefined;
      return {
        code: 'mirror-after-live',
        message: `"mirror" stands after "${seen.has('ramp') ? 'ramp' : 'cutover'}": green has live traffic by then, and a deployment gets live or mirrored traffic, never both`,
        help: 'mirror first, then ramp',
      };
    case 'ramp':
      if (!seen.has('cutover')) return undefined;
      return {
        code: 'ramp-after-cutover',
        message: '"ramp" stands after "cutover": green has all live traffic by then',
        help: 'ramp first, then cut over',
      };
    case 'cutover':
      if (!seen.has('cutover')) return undefined;
      return {
        code: 'second-cutover',
        message: 'a rollout cuts over once; this is the second time',
        help: 'remove it',
      };
    case 'bake':
      if (seen.has('cutover') || !sure) return undefined;
      return {
        code: 'before-cutover',
        message: '"bake" watches green after the cutover; there is no "cutover" before it',
        help: 'add "- cutover" before it; to watch longer before the cutover, give "ramp" a longer "for"',
      };
    case 'delete-baseline':
      if (seen.has('cutover') || !sure) return undefined;
      return {
        code: 'before-cutover',
        message: '"delete-baseline" needs a "cutover" before it: the baseline answers live requests',
        help: 'add "- cutover" before it',
      };
    case 'smoke':
    case 'approve':
      return undefined;
    default:
      return name satisfies never;
  }
}

/** What is allowed, and seldom meant. */
function endWarnings(
  { draft, steps }: Pick<Facts, 'draft' | 'steps'>,
  seen: ReadonlySet<StepName>,
): Problem[] {
  const cutover = steps.indexOf('cutover');
  if (!seen.has('cutover')) {
    return [
      problemAt(draft.source, ['steps'], {
        severity: 'warning',
        code: 'no-cutover',
        message: 'the steps have no "cutover": the rollout ends with the traffic of its last step',
        help: 'add "- cutover" unless a rehearsal is meant',
        key: true,
      }),
    ];
  }
  if (steps.slice(0, cutover).some(isShift)) return [];
  return [
    problemAt(draft.source, stepPath(cutover), {
      severity: 'warning',
      code: 'unwatched-cutover',
      message:
        'all live traffic moves to green at once: no "mirror" or "ramp" before this lets a gate judge it',
      help: 'add "- ramp" before it',
    }),
  ];
}
