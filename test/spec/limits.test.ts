import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderProblems } from '../../spec/index.js';
import { Folder, SPEC } from './folder.js';

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
});
afterEach(() => folder.remove());

/** Of this process alone: the machine may be busy with others. */
const SLOWEST_CPU_MS = 3_000;
const lines = (line: string, count: number) => `${line}\n`.repeat(count);
const numbered = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

describe('a file made to hurt the parser', () => {
  it.each([
    ['one mapping of very many keys', SPEC + numbered(90_000, (i) => `k${i}: 1`)],
    ['very many unknown keys', SPEC + numbered(9_000, (i) => `k${i}: 1`)],
    ['very many gates that are wrong', `${SPEC}gates:\n${numbered(800, (i) => `  g${i}: { metric: x }`)}`],
    ['very many steps', `${SPEC}steps:\n${lines('  - ramp: 10', 4_900)}`],
    ['lists in lists on each line', lines(`${'- '.repeat(60)}x`, 160)],
    ['one line of half a million list marks', '- '.repeat(500_000)],
    ['half a million brackets', '['.repeat(500_000)],
    ['pairs of brackets', lines('[]'.repeat(2_400), 2)],
    ['quotes', lines('"'.repeat(4_900), 2)],
    ['anchors and aliases', `${numbered(9_000, (i) => `- &a${i} x`)}\n- *a1`],
    ['deep indentation', numbered(4_000, (i) => `${' '.repeat(i % 256)}a:`)],
    ['a folded text of a megabyte', `a: >\n${lines(' x', 300_000)}`],
    ['zero bytes', lines('\0'.repeat(9_000), 100)],
  ])('gives problems soon: %s', async (_what, text) => {
    await folder.write({ 'spec.yml': text });
    const before = process.cpuUsage();

    const problems = await folder.problems(text);

    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(SLOWEST_CPU_MS);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(101);
  });

  it('says that there are more problems than are shown', async () => {
    const problems = await folder.problems(SPEC + numbered(200, (i) => `k${i}: 1`));

    expect(problems).toHaveLength(101);
    expect(renderProblems(problems.slice(-1)).replaceAll(`${folder.path}/`, '')).toBe(
      `spec.yml: error spec/more-problems: there are more problems than the 100 that are shown
 = help: mend these first, and check that it is the right file

1 error in 1 file`,
    );
  });
});
