import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../spec/read-yaml.js';
import { readDraft } from '../../spec/draft.js';
import { renderProblem } from '../../spec/render.js';
import type { Problem } from '../../spec/problem.js';

const HEAD = 'endpoint: diabetes\ndeployment: green.yml\n';

/** The one problem of a text. */
function only(text: string): Problem {
  const reading = parseYaml(text, 'spec.yml', 'spec');
  const problems = [...reading.problems, ...(reading.source ? readDraft(reading.source).problems : [])];
  expect(problems).toHaveLength(1);
  return problems[0] as Problem;
}

/** Line and column, and the text that is underlined, which is inside the file. */
function place(text: string): readonly [number | undefined, number | undefined, string] {
  const { at } = only(text);
  expect(at?.range[1]).toBeLessThanOrEqual(text.length);
  return [at?.line, at?.column, text.slice(...(at?.range ?? [0, 0]))];
}

describe('a problem points at', () => {
  it.each([
    ['a value', `${HEAD}adopt: 1\n`, [3, 8, '1']],
    ['a value deep inside', `${HEAD}watching:\n  confidence:\n    proceed: 5\n`, [5, 14, '5']],
    ['a key that nobody knows', `${HEAD}watching: { intervall: 5s }\n`, [3, 13, 'intervall']],
    ['the key when nothing stands behind it', `${HEAD}adopt:\n`, [3, 1, 'adopt']],
    ['an entry of a list', `${HEAD}steps:\n  - create\n  - ramp: [10%, x%]\n`, [5, 17, 'x%']],
    ['a value behind CRLF', `${HEAD.replaceAll('\n', '\r\n')}adopt: 1\r\n`, [3, 8, '1']],
    ['a value behind tabs', `${HEAD}adopt:\t\t1\n`, [3, 9, '1']],
    [
      'a value behind other scripts, counting characters',
      `${HEAD}watching: { "ключ😀": 1 }\n`,
      [3, 13, '"ключ😀"'],
    ],
    ['a quoted value with its quotes', `${HEAD}adopt: "1"\n`, [3, 8, '"1"']],
    ['the anchored value, where an alias repeats it', `${HEAD.replace('diabetes', '&e x')}`, [1, 14, 'x']],
    ['the last line without a line break', `${HEAD}adopt: 1`, [3, 8, '1']],
    ['the bracket that nothing closes', `${HEAD}approvers: [a`, [3, 12, '[']],
  ] as const)('%s', (_what, text, expected) => {
    expect(place(text)).toEqual(expected);
  });

  it('its own line behind what is no YAML over two lines', () => {
    const text = `${HEAD}steps:\n  - create\n}  - cutover\n  - bake: 15m\n---\nadopt: true\n`;

    const { problems } = parseYaml(text, 'spec.yml', 'spec');

    expect(problems.map(({ at }) => [at?.line, at?.column, at?.source])).toEqual([
      [5, 1, '}  - cutover'],
      [7, 1, '---'],
    ]);
  });

  it('the anchored value once for each alias', () => {
    const text = `${HEAD}gates:\n  a: &rule { metric: error-rate, at-most: 1 }\n  b: *rule\n`;
    const reading = parseYaml(text, 'spec.yml', 'spec');

    const problems = reading.source ? readDraft(reading.source).problems : [];

    expect(problems.map(({ path, at }) => [path, at?.line, at?.column])).toEqual([
      ['gates.a.at-most', 4, 43],
      ['gates.b.at-most', 4, 43],
    ]);
  });
});

describe('the caret', () => {
  it.each([
    ['stands below the value behind tabs', `${HEAD}adopt:\t1\n`, '3 | adopt:\t1\n  |       \t^'],
    [
      'stands below the value behind wide characters',
      `${HEAD}? "漢字" \n: 1\n`,
      '3 | ? "漢字"\n  |   ^^^^^^',
    ],
    ['does not run over the end of the line', `${HEAD}watching:\n  - 1\n  - 2\n`, '4 |   - 1\n  |   ^^^'],
    [
      'never shows control characters',
      `${HEAD}adopt: "\u001b[31m"\n`,
      '3 | adopt: "\uFFFD[31m"\n  |        ^^^^^^^',
    ],
  ])('%s', (_what, text, excerpt) => {
    expect(renderProblem(only(text))).toContain(`\n${excerpt}\n`);
  });

  it('is shown in the middle of a long line', () => {
    const text = renderProblem(
      only(`${HEAD}watching: { ${' '.repeat(300)}interval: 5, ${' '.repeat(300)} }\n`),
    );

    const [, , source = '', caret = ''] = text.split('\n');
    expect(source.length).toBeLessThan(130);
    expect(source.charAt(caret.indexOf('^'))).toBe('5');
  });
});
