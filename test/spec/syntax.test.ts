import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../spec/read-yaml.js';

const HEAD = 'endpoint: diabetes\ndeployment: green.yml\n';

/** Each problem of a text: place, message, and what to do. */
function told(text: string): readonly string[] {
  return parseYaml(text, 'spec.yml', 'spec').problems.map(
    ({ at, message, help }) => `${at?.line}:${at?.column} ${message} | ${help}`,
  );
}

const NO_COLON =
  'the line holds no key with a value; expected a key, a colon and a space, as in "adopt: true"';
const TWO_COLONS =
  'a second key with a colon stands on the line of a key; expected one "key: value" a line | put a value with a colon in it in quotes; a key inside a key goes on the next line, indented';
const TOO_DEEP = 'the line is indented too deep: it would belong to the value of the line before it';
const NO_DASH =
  'the line stands among the entries of a list, and is none; expected "- " before it | write "- " before it, or indent it deeper if it belongs to the entry above';
const TAB = 'a tab is used as indentation; YAML indents with spaces | replace the tab by spaces';
const COMMA =
  'a comma is missing between two entries of [ ] or { } | write a comma between them; a text with a colon or a comma in it goes in quotes';
const DASHES =
  'entries with "- " stand inside [ ] or { } | leave the dashes out and part the entries by commas, or leave the brackets out';
const DIRECTIVE =
  'a first line with "%" tells a parser of YAML how to read the file; this one says nothing that is needed | remove the line';
const REMOVE_TAG = 'remove the tag; a text that begins with "!" goes in quotes';
const CLOSE = (bracket: string) =>
  `write the "${bracket}" where it ends; all lines up to the "${bracket}", its own too, are indented deeper than the key`;
const OFF = (spaces: string) => `the line is indented by ${spaces}, which fits none of the lines above it`;
const LIKE = (columns: string) => `indent it by ${columns} spaces, like the lines above that it belongs with`;
const TEMPLATE =
  'a template stands in the file (Helm, Jinja or the like); expected the file that it makes | render the template first; a text that begins with "{{" goes in quotes';

describe('what is no YAML is told once, where it is, with what to do', () => {
  it.each([
    ['a second key on a line', 'baseline: blue: green\n', `3:11 ${TWO_COLONS}`],
    ['no colon', 'adopt true\nbaseline: blue\n', `3:1 ${NO_COLON} | write "adopt: " and the value`],
    ['no colon on the last line', 'adopt\n', `3:1 ${NO_COLON} | write "adopt: " and the value`],
    [
      'no space behind a colon',
      'adopt:true\nbaseline: x\n',
      `3:1 ${NO_COLON} | write "adopt: " and the value`,
    ],
    ['a full-width colon', 'adopt：true\nbaseline: x\n', `3:1 ${NO_COLON} | write "adopt: " and the value`],
    ['a key of two lines', '"a\n b": 1\n', `3:1 ${NO_COLON} | put a colon and a space behind the key`],
    ['a key too deep', 'adopt: true\n  baseline: x\n', `4:3 ${TOO_DEEP} | remove the spaces before it`],
    [
      'a key too deep in a step',
      'steps:\n  - create\n  - mirror: 10%\n     for: 2m\n',
      `6:6 ${TOO_DEEP} | ${LIKE('0 or 4')}`,
    ],
    [
      'a key of a step too far left',
      'steps:\n  - mirror: 10%\n   for: 2m\n',
      `5:4 ${OFF('3 spaces')} | ${LIKE('0 or 4')}`,
    ],
    ['a step too far left', 'steps:\n  - create\n - cutover\n', `5:2 ${OFF('1 space')} | ${LIKE('2')}`],
    [
      'a gate too far left',
      'gates:\n  a: { metric: error-rate }\n b: { metric: latency }\n',
      `5:2 ${OFF('1 space')} | ${LIKE('0 or 2')}`,
    ],
    ['a step without its dash', 'steps:\n  - create\n  cutover\n', `5:3 ${NO_DASH}`],
    ['a step with a value without its dash', 'steps:\n  - create\n  bake: 10m\n', `5:3 ${NO_DASH}`],
    [
      'an entry among keys',
      '- create\n',
      '3:1 an entry of a list ("- ") stands among keys; expected a key with a value | write the key of the list on a line before it ("steps:"), or remove the "- "',
    ],
    [
      'a list on the line of its key',
      'baseline: - blue\n',
      '3:11 a list that is written with "- " begins on the line of its key | begin it on the next line, or write it as [one, two]; a text that begins with "- " goes in quotes',
    ],
    [
      'an unclosed "',
      'baseline: "blue\nadopt: true\n',
      '3:11 the quote " is not closed | write " at the end of the text as well',
    ],
    [
      "an unclosed '",
      "baseline: 'it\nadopt: true\n",
      "3:11 the quote ' is not closed | write ' at the end of the text as well",
    ],
    [
      'an unclosed [',
      'steps: [create, ramp\nadopt: true\n',
      `3:8 the "[" is not closed before line 4, which is not indented deeper than its key | ${CLOSE(']')}`,
    ],
    [
      'an unclosed { before other mistakes',
      'gates:\n  a: { metric: error-rate\n  b: { metric: latency }}\n- x\n',
      `4:6 the "{" is not closed before line 5, which is not indented deeper than its key | ${CLOSE('}')}`,
    ],
    [
      'a } too far left',
      'gates:\n  a: {\n    metric: x\n}\n',
      `4:6 the "{" is not closed before line 6, which is not indented deeper than its key | ${CLOSE('}')}`,
    ],
    [
      'a ] too many',
      'steps: [a]]\n',
      '3:11 a "]" closes nothing; no "[" is open here | remove it, or write the bracket that it closes',
    ],
    [
      'a } too many',
      'gates: { } }\n',
      '3:12 a "}" closes nothing; no "{" is open here | remove it, or write the bracket that it closes',
    ],
    ['no comma', 'gates: { a: { metric: error-rate at-most: 1% } }\n', `3:23 ${COMMA}`],
    ['no comma between quotes', 'gates: { "a": "b" "c": "d" }\n', `3:19 ${COMMA}`],
    [
      'a comma too many',
      'steps: [create,, ramp]\n',
      '3:16 a comma has nothing before it | remove the comma, or write what is missing',
    ],
    ['dashes in brackets', 'steps: [\n  - create ]\n', `4:3 ${DASHES}`],
    ['a tab', 'steps:\n\t- create\n', `4:1 ${TAB}`],
    ['a tab behind spaces', 'gates:\n  a:\n  \tmetric: x\n', `5:3 ${TAB}`],
    ['a tab in braces', 'gates: {\n\ta: 1\n}\n', `4:1 ${TAB}`],
    ['a tab before a text', 'baseline: |\n\tblue\n', `4:1 ${TAB}`],
    [
      'a percent sign in front',
      'adopt: %10\n',
      '3:8 a text cannot begin with % unless it stands in quotes | write the percent sign behind the number: 10%',
    ],
    [
      'an @',
      'baseline: @blue\n',
      '3:11 a text cannot begin with @ unless it stands in quotes | put the value in quotes',
    ],
    [
      'a path of Windows',
      'deployment: "C:\\models\\green.yml"\n',
      '3:16 \\m means nothing inside double quotes | use single quotes, where a backslash is a backslash, or write it twice; paths take /',
    ],
    [
      'a lone *',
      'approvers: [*]\n',
      '3:13 "*" has no name behind it that YAML could take | put a text that begins with "*" in quotes',
    ],
    [
      'a lone &',
      'baseline: & x\n',
      '3:11 "&" has no name behind it that YAML could take | put a text that begins with "&" in quotes',
    ],
    ['two anchors', 'baseline: &a &b x\n', '3:14 one value has two names (&name) | keep one of the two'],
    [
      'an anchor of an alias',
      'baseline: &a x\nadopt: &b *a\n',
      '4:11 an alias (*name) cannot have a name or a tag of its own | remove what stands before "*"',
    ],
    ['a tag', 'baseline: !vault blue\n', `3:11 tags are not used here, got !vault | ${REMOVE_TAG}`],
    [
      "a tag of Python's",
      'baseline: !!python/name:x blue\n',
      `3:11 tags are not used here, got !!python/name:x | ${REMOVE_TAG}`,
    ],
    [
      'a tag that does not fit',
      'baseline: !!int blue\n',
      `3:11 tags are not used here, got !!int | ${REMOVE_TAG}`,
    ],
    [
      'bytes',
      'baseline: !!binary aGk=\n',
      '3:20 tags such as !!binary are not used here | remove the tag, and write the plain value',
    ],
    [
      'a comment without a space',
      'baseline: "blue"#old\n',
      '3:17 a "#" stands right behind a value; expected a space before a comment | write a space before "#", or put the whole value in quotes if "#" belongs to it',
    ],
    [
      'text behind a quote',
      'baseline: "blue" green\n',
      '3:18 more text stands behind the end of a value | put the whole value in quotes, or remove what is too much',
    ],
    [
      'text behind a |',
      'baseline: |x\n  blue\n',
      '3:12 text stands on the line of a "|" or ">" | begin the text on the next line; a value that begins with "|" or ">" goes in quotes',
    ],
    [
      'a text that is not indented',
      'gates:\n  a: |\n   \n  x: 1\n  b: >\n c\n',
      `8:2 ${OFF('1 space')} | ${LIKE('0 or 2')}`,
    ],
    [
      'a no-break space',
      'gates:\n\u00a0\u00a0a: 1\n',
      '4:1 a blank that is no space (copied from a web page, often) stands in this key | write it again with spaces',
    ],
    ['a template for a value', 'baseline: {{ .Values.baseline }}\n', `3:12 ${TEMPLATE}`],
    ['a line of a template', '{{ end }}\n', `3:1 ${TEMPLATE}`],
    [
      'a merge conflict',
      '<<<<<<< HEAD\nbaseline: x\n=======\nbaseline: y\n>>>>>>> other\n',
      '3:1 a merge conflict of Git stands in the file | keep what is right of both sides, and remove the lines <<<<<<<, ======= and >>>>>>>',
    ],
  ])('%s', (_what, text, expected) => {
    expect(told(HEAD + text)).toEqual([expected]);
  });

  it.each([
    ['a directive that nobody knows', `%FOO\n---\n${HEAD}`, `1:1 ${DIRECTIVE}`],
    ['a directive without ---', `%YAML 1.2\n${HEAD}`, `2:1 ${DIRECTIVE}`],
    ['a directive and nothing', '%foo\n', `2:1 ${DIRECTIVE}`],
    [
      'JSON without its end',
      '{"endpoint": "diabetes"\n',
      `1:1 the "{" is not closed before the end of the file | ${CLOSE('}')}`,
    ],
    [
      'lines of an old Mac',
      HEAD.replaceAll('\n', '\r'),
      '1:1 the lines end in a carriage return (CR) alone, which makes one line of the file | save it with LF or CRLF at the end of lines',
    ],
    [
      'no space behind any colon',
      'endpoint:diabetes\ndeployment:green.yml\n',
      '1:1 the file holds a text; expected fields such as "endpoint: my-endpoint" | write each field as "key: value", with a colon and a space behind the key',
    ],
  ])('%s', (_what, text, expected) => {
    expect(told(text)).toEqual([expected]);
  });

  it('and two mistakes in two lines both', () => {
    expect(told(`${HEAD}baseline: @blue\nadopt: @yes\n`)).toHaveLength(2);
  });

  it('the same with line ends of Windows', () => {
    const text = `${HEAD}steps:\n  - mirror: 10%\n     for: 2m\nbaseline: "blue\n`;

    expect(told(text.replaceAll('\n', '\r\n'))).toEqual(told(text));
  });
});
