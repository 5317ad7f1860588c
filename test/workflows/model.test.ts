import fc from 'fast-check';
import { expect, it } from 'vitest';

import { missingIn } from '../support/model/coverage.js';
import { runScenario } from '../support/model/run.js';
import { Tally } from '../support/model/tally.js';
import { RARE, scenario, type Scenario } from '../support/model/scenario.js';
import { useBench } from '../support/rollout-bench.js';

/**
 * More in a run by hand: `MODEL_RUNS=500 MODEL_SEED=7 npx vitest run test/workflows/model.test.ts`. One that was wrong is
 * printed as JSON; `MODEL_ONLY='{…}'` runs it again, as often as MODEL_RUNS says.
 */
const DEFAULT = { numRuns: 20, seed: 125_543 };
const RUNS = Number(process.env['MODEL_RUNS'] ?? DEFAULT.numRuns);
const SEED = Number(process.env['MODEL_SEED'] ?? DEFAULT.seed);
const AT_ONCE = 8;
const only = process.env['MODEL_ONLY'];

const bench = useBench({ workers: 2 });

const scenariosOf = (of: typeof DEFAULT): readonly Scenario[] => [...fc.sample(scenario, of), ...RARE];

it('what `npm test` runs has all that people do, and each change failing and losing its answer', () => {
  expect(missingIn(scenariosOf(DEFAULT))).toEqual([]);
});

it(
  'random specs, faults, people and dying workers: a rollout ends as the rule book says, and leaves nothing behind',
  async () => {
    const all =
      only === undefined
        ? scenariosOf({ numRuns: RUNS, seed: SEED })
        : Array.from({ length: RUNS }, () => JSON.parse(only) as Scenario);
    const wrong: { problems: readonly string[]; scenario: string }[] = [];
    const tally = new Tally();
    const queue = [...all.entries()];
    const runNext = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const [index, each] = next;
        const { problems, did } = await runScenario(bench, `model-${SEED}-${index}`, each).catch(
          (error: unknown) => ({ problems: [String(error)], did: [] }),
        );
        if (process.env['MODEL_RUNS'] !== undefined && problems.length > 0)
          process.stdout.write(`WRONG ${index} ${JSON.stringify(problems)} ${JSON.stringify(each)}\n`);
        tally.add(did);
        if (problems.length > 0) wrong.push({ problems, scenario: JSON.stringify(each) });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, runNext));
    if (process.env['MODEL_RUNS'] !== undefined) {
      process.stdout.write(
        `${all.length} runs of the model, seed ${SEED}: ${wrong.length} wrong\n${tally.text()}\n`,
      );
    }

    expect(wrong, `seed ${SEED}`).toEqual([]);
    if (all.length >= 100) expect(tally.tooRare(all.length), `seed ${SEED}`).toEqual([]);
  },
  Math.max(120_000, RUNS * 15_000),
);
