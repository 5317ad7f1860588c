import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadSpec, renderPlan, renderProblems } from '../../spec/index.js';
import { rolloutValue, spoilt } from './arbitrary.js';
import { EXAMPLE, EXAMPLE_FILES } from './example.js';
import { Folder, GREEN } from './folder.js';

/**
 * More in a run by hand, which prints how many it loaded and how long the slowest took:
 * `SPEC_FUZZ_RUNS=35000 npx vitest run test/spec/fuzz.test.ts` (112,000 of them, half an hour).
 */
const RUNS = Number(process.env['SPEC_FUZZ_RUNS'] ?? 1_000);
const SEED = Number(process.env['SPEC_FUZZ_SEED'] ?? 20_261_121);
const SLOWEST_MS = 1_000;
/** For a run by hand: a machine that is busy with other things needs some milliseconds each. */
const TIMEOUT_MS = Math.max(600_000, RUNS * 60);

let folder: Folder;
const loadedInMs: number[] = [];
beforeAll(async () => {
  folder = await Folder.make();
  await folder.write({ ...EXAMPLE_FILES, 'green.yml': GREEN });
});
afterAll(async () => {
  await folder.remove();
  if (process.env['SPEC_FUZZ_RUNS'] === undefined) return;
  const inOrder = loadedInMs.sort((a, b) => a - b);
  const at = (share: number): string => (inOrder[Math.floor(share * (inOrder.length - 1))] ?? 0).toFixed(1);
  process.stdout.write(
    `${inOrder.length} specs and deployment files, seed ${SEED}: median ${at(0.5)} ms, ` +
      `p99.9 ${at(0.999)} ms, slowest ${at(1)} ms\n`,
  );
});

/** Loads a text, and holds what is promised of every text. */
async function load(spec: string, file = 'spec.yml'): Promise<Awaited<ReturnType<typeof loadSpec>>> {
  await folder.write({ [file]: spec });
  const start = performance.now();
  const loaded = await loadSpec(folder.at('spec.yml'));
  const tookMs = performance.now() - start;
  loadedInMs.push(tookMs);
  expect(tookMs).toBeLessThan(SLOWEST_MS);
  if (loaded.ok) expect(renderPlan(loaded.plan)).toContain('Rollout of');
  else {
    expect(loaded.problems.some(({ severity }) => severity === 'error')).toBe(true);
    expect(renderProblems(loaded.problems)).toContain(loaded.problems[0]?.code);
    for (const { at, message } of loaded.problems) {
      expect(message).not.toBe('');
      if (at) expect(at.range[0]).toBeLessThanOrEqual(at.range[1]);
    }
  }
  return loaded;
}

const PIECES = [
  '[',
  ']',
  '{',
  '}',
  ':',
  '- ',
  '? ',
  '& ',
  '*a',
  '&a ',
  '!x ',
  '"',
  "'",
  '|',
  '>',
  '#',
  '\t',
  '\r',
  '\n',
  '\0',
  '%',
  '---\n',
  '...',
  '<<: ',
  '\uFEFF',
  '\u2028',
  '😀',
  '__proto__: 1\n',
  '0',
  '10%',
  '  ',
];

/** A text with pieces cut out, doubled, swapped or put in. */
function mutated(text: string): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.nat({ max: text.length }),
    cut: fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 4 }) }, fc.nat({ max: 200 })),
    put: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 6, unit: 'binary' }), fc.constant('')),
    again: fc.nat({ max: 3 }),
  });
  return fc
    .array(edit, { minLength: 1, maxLength: 5 })
    .map((edits) =>
      edits.reduce(
        (found, { at, cut, put, again }) =>
          found.slice(0, at) + put.repeat(again + 1) + found.slice(at + cut),
        text,
      ),
    );
}

describe('loadSpec', () => {
  it(
    'compiles every spec that meets the rules',
    async () => {
      await fc.assert(
        fc.asyncProperty(rolloutValue, async (value) => {
          const loaded = await load(stringify(value));

          expect(loaded.ok, loaded.ok ? '' : renderProblems(loaded.problems)).toBe(true);
        }),
        { numRuns: Math.ceil(RUNS / 5), seed: SEED },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'gives a plan or problems for every spec with something wrong',
    async () => {
      await fc.assert(
        fc.asyncProperty(spoilt(rolloutValue), async (value) => {
          await load(stringify(value));
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'gives a plan or problems for every text',
    async () => {
      await fc.assert(
        fc.asyncProperty(mutated(EXAMPLE), async (text) => {
          await load(text);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'gives a plan or problems for every deployment file',
    async () => {
      await folder.write({ 'spec.yml': EXAMPLE });
      const good = String(EXAMPLE_FILES['diabetes/green-deployment.yml']);

      await fc.assert(
        fc.asyncProperty(mutated(good), async (text) => {
          await load(text, 'diabetes/green-deployment.yml');
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
    TIMEOUT_MS,
  );
});
