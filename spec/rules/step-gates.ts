import { either, quote, type Path, type Problem } from '../problem.js';
import type { Gate } from '../schema/gates.js';
import { problemAt } from '../source.js';
import { suggest } from '../suggest.js';
import { isShift, isWatched, nameOf, stepPath, type Facts, type WatchedForm } from './facts.js';

/** The gates that steps name exist, and each step has something to prove. */
export function stepGateRules(facts: Facts): Problem[] {
  const { draft, steps } = facts;
  const watched = steps.flatMap((step, index) => (isWatched(step) ? [{ step, index }] : []));
  const problems = [
    ...watched.flatMap(({ step, index }) => [
      ...nameRules(facts, step, index),
      ...comparable(facts, step, index),
    ]),
    ...provableSteps(facts),
  ];
  const used = new Set(watched.flatMap(({ step }) => step.gates ?? [...draft.gates.keys()]));
  if (steps.includes(null) || !draft.written.gates) return problems;
  const unused = [...draft.gates.keys()].filter((name) => !used.has(name));
  return [
    ...problems,
    ...unused.map((name) =>
      problemAt(draft.source, ['gates', name], {
        severity: 'warning',
        code: 'unused-gate',
        message: `no step uses the gate ${quote(name)}`,
        help: 'name it under "gates" of a step, or remove it',
        key: true,
      }),
    ),
  ];
}

function nameRules({ draft }: Facts, step: WatchedForm, index: number): Problem[] {
  const known = [...draft.gates.keys()];
  return (step.gates ?? []).flatMap((name, position) => {
    const path = stepPath(index, 'gates', position);
    if ((step.gates ?? []).indexOf(name) < position) {
      return [
        problemAt(draft.source, path, {
          code: 'repeated-gate',
          message: `the gate ${quote(name)} stands twice in this step`,
          help: 'keep one of the two',
        }),
      ];
    }
    if (draft.gates.has(name)) return [];
    const near = suggest(name, known);
    return [
      problemAt(draft.source, path, {
        code: 'unknown-gate',
        message: `there is no gate ${quote(name)}; expected ${either(known)}`,
        help: near === undefined ? 'define it under "gates" at the top' : `did you mean "${near}"?`,
      }),
    ];
  });
}

/** The step's gates that could be read; undefined when one could not. */
function gatesOf({ draft }: Facts, step: WatchedForm): readonly (readonly [string, Gate])[] | undefined {
  const named = (step.gates ?? [...draft.gates.keys()]).map((name) => [name, draft.gates.get(name)] as const);
  if (named.some(([, gate]) => !gate)) return undefined;
  return named.flatMap(([name, gate]) => (gate ? [[name, gate] as const] : []));
}

/** Steps that take all gates of the spec are told of once, at the gates. */
function provableSteps(facts: Facts): Problem[] {
  const shifts = facts.steps.flatMap((step, index) => (isShift(step) ? [{ step, index }] : []));
  const [common] = shifts.filter(({ step }) => step.gates === undefined);
  return [
    ...(common ? provable(facts, common.step, ['gates']) : []),
    ...shifts.flatMap(({ step, index }) =>
      step.gates === undefined ? [] : provable(facts, step, stepPath(index, 'gates')),
    ),
  ];
}

function provable(facts: Facts, step: WatchedForm, path: Path): Problem[] {
  const gates = gatesOf(facts, step);
  if (gates === undefined || gates.length === 0) return [];
  if (gates.every(([, gate]) => gate.role === 'guard')) {
    return [
      problemAt(facts.draft.source, path, {
        code: 'nothing-required',
        message: 'all gates here are guards, so nothing has to be proven before the rollout goes on',
        help: 'add a gate without "role: guard"',
        key: true,
      }),
    ];
  }
  if (gates.some(([, gate]) => gate.metric === 'error-rate')) return [];
  return [
    problemAt(facts.draft.source, path, {
      severity: 'warning',
      code: 'latency-alone',
      message: 'there is no gate on errors here; requests that fail fast make latency look better',
      help: 'add a gate such as "errors: { metric: error-rate, worse-by: 0.5pp }"',
      key: true,
    }),
  ];
}

/** After the cutover a comparison needs what the baseline did before it. */
function comparable(facts: Facts, step: WatchedForm, index: number): Problem[] {
  const before = facts.steps.slice(0, index);
  if (!before.includes('cutover') || before.some((earlier) => earlier === null || isShift(earlier)))
    return [];
  const relative = gatesOf(facts, step)?.find(([, gate]) => !('at-most' in gate) && gate.role === 'required');
  if (!relative) return [];
  return [
    problemAt(
      facts.draft.source,
      step.gates === undefined ? stepPath(index, nameOf(step)) : stepPath(index, 'gates'),
      {
        code: 'never-passes',
        message: `the gate ${quote(relative[0])} compares with the baseline, and no step before the cutover watches the baseline`,
        help: 'add "- ramp" before the cutover, or use gates with "at-most" here',
      },
    ),
  ];
}
