import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { stringify } from 'yaml';
import { ensureModels } from '../../demo/models.js';
import { loadSpec, renderPlan, renderProblems } from '../../spec/index.js';
import type { Problem } from '../../spec/index.js';
import { rolloutFiles, spoilt, type RolloutFiles } from './arbitrary.js';
import { Folder } from './folder.js';
import { plant, SEEDS, type Seed } from './seeds.js';

/**
 * More in a run by hand, which prints how many it loaded and how much of a processor's time the slowest took:
 * `SPEC_FUZZ_RUNS=35000 npx vitest run test/spec/fuzz.test.ts` (112,000 of them, 6 to 9 minutes on two cores).
 */
const RUNS = Number(process.env['SPEC_FUZZ_RUNS'] ?? 500);
const SEED = Number(process.env['SPEC_FUZZ_SEED'] ?? 20_261_121);
/** Of this process alone: the machine may be busy with others. */
const SLOWEST_CPU_MS = 1_000;
/** By the clock on the wall, however busy the machine is: one that waits for something takes no processor's time. */
const SLOWEST_MS = 10_000;
/** For a run by hand: a machine that is busy with other things needs some milliseconds each. */
const TIMEOUT_MS = Math.max(600_000, RUNS * 60);

let folder: Folder;
const loadedInMs: number[] = [];
beforeAll(async () => {
  // Shipped specs name them.
  await ensureModels(inject('modelServerPython'));
  folder = await Folder.make();
  await plant(folder);
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

/** Loads a spec after files were written, and holds what is promised of every text. */
async function load(
  spec: string,
  files: Readonly<Record<string, string>>,
): Promise<Awaited<ReturnType<typeof loadSpec>>> {
  await folder.write(files);
  const before = process.cpuUsage();
  const begunMs = performance.now();
  const loaded = await loadSpec(folder.at(spec));
  const tookMs = process.cpuUsage(before).user / 1_000;
  loadedInMs.push(tookMs);
  expect(tookMs).toBeLessThan(SLOWEST_CPU_MS);
  expect(performance.now() - begunMs).toBeLessThan(SLOWEST_MS);
  if (loaded.ok) expect(renderPlan(loaded.plan)).toContain('Rollout of');
  else {
    expect(loaded.problems.some(({ severity }) => severity === 'error')).toBe(true);
    expect(renderProblems(loaded.problems)).toContain(loaded.problems[0]?.code);
  }
  for (const problem of loaded.ok ? loaded.warnings : loaded.problems) {
    expect(problem.message).not.toBe('');
    const text = Object.entries(files).find(([name]) => folder.at(name) === problem.file)?.[1];
    expect(placeFault(problem, text), JSON.stringify(problem)).toBeUndefined();
  }
  return loaded;
}

/** What has no place in a text: a file that gives none, and the count of what is not shown. */
const WITHOUT_PLACE = /^spec\/more-problems$|^(spec|deployment)\/(too-big|not-utf8|unreadable|not-a-file)$/;

/** Why a problem does not point into its file's text. */
function placeFault({ code, at }: Problem, text: string | undefined): string | undefined {
  if (at === null) return WITHOUT_PLACE.test(code) ? undefined : 'it has no place';
  if (text === undefined) return 'it is of another file';
  // A byte order mark is not part of the text, and strings that are no Unicode are not written as they stand.
  const lines = Buffer.from(text)
    .toString()
    .replace(/^\uFEFF/, '')
    .split('\n');
  const before = lines.slice(0, at.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
  const line = lines[at.line - 1];
  const [start, end] = at.range;
  if (line === undefined) return `the text has ${lines.length} lines`;
  if (!line.startsWith(at.source)) return `the line is ${JSON.stringify(line)}`;
  // Of the file's line: what is shown of it may end before a secret.
  if (at.column < 1 || at.column > [...line].length + 1) return 'the column is beside its line';
  if (start < before || start > before + line.length) return 'its range begins in another line';
  if (end < start || end > lines.join('\n').length) return 'its range is not in the text';
  return undefined;
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

const written = ({ spec, deployment }: RolloutFiles) => ({
  'spec.yml': stringify(spec),
  'green.yml': stringify(deployment),
});
const spoiltIn = (part: 'spec' | 'deployment') =>
  rolloutFiles.chain((files) =>
    spoilt(fc.constant(files[part])).map((value) => ({
      ...written(files),
      [part === 'spec' ? 'spec.yml' : 'green.yml']: stringify(value),
    })),
  );
const seedWith = (part: 'spec' | 'deployment') =>
  fc.constantFrom(...SEEDS).chain((seed: Seed) =>
    mutated(seed.texts[seed[part]] ?? '').map((text) => ({
      ...seed,
      texts: { ...seed.texts, [seed[part]]: text },
    })),
  );

describe('loadSpec', () => {
  it('takes every seed that texts are mutated from', async () => {
    expect(SEEDS.length).toBeGreaterThan(15);
    for (const { spec, texts } of SEEDS) {
      const loaded = await load(spec, texts);
      expect(loaded.ok, loaded.ok ? '' : renderProblems(loaded.problems)).toBe(true);
    }
  });

  it(
    'compiles every spec that meets the rules',
    async () => {
      await fc.assert(
        fc.asyncProperty(rolloutFiles, async (files) => {
          const loaded = await load('spec.yml', written(files));

          expect(loaded.ok, loaded.ok ? '' : renderProblems(loaded.problems)).toBe(true);
        }),
        { numRuns: Math.ceil(RUNS / 5), seed: SEED },
      );
    },
    TIMEOUT_MS,
  );

  it.each(['spec', 'deployment'] as const)(
    'gives a plan or problems for every %s with something wrong',
    async (part) => {
      await fc.assert(
        fc.asyncProperty(spoiltIn(part), async (files) => {
          await load('spec.yml', files);
        }),
        { numRuns: Math.ceil(RUNS / 2), seed: SEED },
      );
    },
    TIMEOUT_MS,
  );

  it.each(['spec', 'deployment'] as const)(
    'gives a plan or problems for every text of a %s',
    async (part) => {
      await fc.assert(
        fc.asyncProperty(seedWith(part), async ({ spec, texts }) => {
          await load(spec, texts);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
    TIMEOUT_MS,
  );
});
