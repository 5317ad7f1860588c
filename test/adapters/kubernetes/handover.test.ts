import { describe, expect, it } from 'vitest';
import { withFirstWeights, withLastWeights } from '../../../adapters/kubernetes/handover.js';
import type { Rule } from '../../../adapters/kubernetes/objects.js';
import { trafficOf, type Frame } from '../../../adapters/kubernetes/rules.js';

const NAMES = ['blue', 'green'] as const;
const frame: Frame = {
  namespace: 'models',
  backends: NAMES.map((deployment) => ({ deployment, service: `diabetes-${deployment}`, port: 80 })),
  markBackends: false,
};
const rulesOf = (...weights: readonly (number | undefined)[]): readonly Rule[] => [
  {
    backendRefs: weights.map((weight, i) => ({
      name: `diabetes-${NAMES[i]}`,
      port: 80,
      ...(weight === undefined ? {} : { weight }),
    })),
  },
];
const weightsOf = ([rule]: readonly Rule[]) => rule?.backendRefs?.map(({ weight }) => weight);

describe('a handover', () => {
  it.each`
    what                          | now               | to           | first             | last
    ${'a ramp begins'}            | ${[100, 0]}       | ${[90, 10]}  | ${[1_000_000, 1]} | ${null}
    ${'a ramp goes on'}           | ${[90, 10]}       | ${[50, 50]}  | ${null}           | ${null}
    ${'a cutover'}                | ${[50, 50]}       | ${[0, 100]}  | ${null}           | ${[1, 1_000_000]}
    ${'a rollback of a ramp'}     | ${[75, 25]}       | ${[100, 0]}  | ${null}           | ${[1_000_000, 1]}
    ${'a rollback of a cutover'}  | ${[0, 100]}       | ${[100, 0]}  | ${[1, 1_000_000]} | ${[1_000_000, 1]}
    ${'a write cut off begun'}    | ${[1_000_000, 1]} | ${[90, 10]}  | ${null}           | ${null}
    ${'a write cut off at last'}  | ${[1, 1_000_000]} | ${[0, 100]}  | ${null}           | ${[1, 1_000_000]}
    ${'shares in hundredths'}     | ${[50, 50]}       | ${[0, 99.5]} | ${null}           | ${[1, 995_000]}
    ${'weights of somebody else'} | ${[undefined, 0]} | ${[75, 25]}  | ${[1_000_000, 1]} | ${null}
    ${'large weights'}            | ${[900_000, 0]}   | ${[75, 25]}  | ${[900_000, 1]}   | ${null}
    ${'a first deployment'}       | ${[0, 0]}         | ${[100, 0]}  | ${null}           | ${null}
    ${'nothing'}                  | ${[100, 0]}       | ${[100, 0]}  | ${null}           | ${null}
  `('sends a millionth to who comes first, and to who goes last: $what', ({ now, to, first, last }) => {
    const rules = rulesOf(...(now as number[]));
    const [blue, green] = to as [number, number];
    const traffic = { live: { blue, green }, mirror: {} };

    const before = withFirstWeights(rules, frame, traffic);
    const after = withLastWeights(rules, frame, traffic);

    expect(before === rules ? null : weightsOf(before)).toEqual(first);
    expect(after === rules ? null : weightsOf(after)).toEqual(last);
    // Whoever reads the route meanwhile reads the shares of before, or those that were wanted.
    expect(trafficOf(before, frame)).toEqual(trafficOf(rules, frame));
    if (last !== null) expect(trafficOf(after, frame)).toEqual(trafficOf(rulesOf(blue, green), frame));
  });
});
