/** What a spec never needs, and what makes the parser slow or exhausts its stack: looked for before parsing. */
const LIMITS = { nesting: 64, indent: 256, line: 10_000, marks: 10_000 };

export interface Excess {
  /** Offset in the text. */
  readonly at: number;
  readonly message: string;
}

const OPENS = /[[{]/;
const CLOSES = /[\]}]/;
/** Characters that mean something to YAML; the time to parse a text, and to report on it, grows with their number. */
const MARK = /[[\]{}&*!?"'%@`|>#,:-]/;
/** `- - - -`, also with anchors and tags: each nests one level deeper. */
const NESTING_ON_ONE_LINE = new RegExp(String.raw`(?:(?:[&!]\S*|[-?:])[ \t]+){${LIMITS.nesting}}`);

/** The first place where a text goes beyond all that a spec needs. */
export function excessOf(text: string): Excess | undefined {
  let depth = 0;
  let marks = 0;
  let lineStart = 0;
  for (const line of text.split('\n')) {
    if (line.length > LIMITS.line) {
      return {
        at: lineStart,
        message: `a line is ${line.length} characters long; expected at most ${LIMITS.line}`,
      };
    }
    const indent = line.length - line.trimStart().length;
    if (indent < line.length && indent > LIMITS.indent) return { at: lineStart, message: tooDeep() };
    const run = NESTING_ON_ONE_LINE.exec(line);
    if (run) return { at: lineStart + run.index, message: tooDeep() };
    for (let column = 0; column < line.length; column += 1) {
      const character = line.charAt(column);
      if (!MARK.test(character)) continue;
      marks += 1;
      if (OPENS.test(character)) depth += 1;
      else if (CLOSES.test(character)) depth = Math.max(0, depth - 1);
      const at = lineStart + column;
      if (depth > LIMITS.nesting) return { at, message: tooDeep() };
      if (marks > LIMITS.marks) {
        return {
          at,
          message: `the file holds more than ${LIMITS.marks} keys, list entries and other marks of YAML`,
        };
      }
    }
    lineStart += line.length + 1;
  }
  return undefined;
}

function tooDeep(): string {
  return `mappings and lists are nested more than ${LIMITS.nesting} deep`;
}
