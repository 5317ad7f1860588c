/** Where a command writes. stdout is for results, stderr for progress and problems. */
export interface Output {
  readonly json: boolean;
  /** The result: `text` for people, or `value` as JSON, whichever was asked for. */
  result(text: string, value: unknown): void;
  /** One line of a story that is told as it happens: part of the result for people, progress beside JSON. */
  line(text: string): void;
  /** What is going on, or wrong. Never part of the result. */
  note(text: string): void;
}

export interface Streams {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

export function createOutput(json: boolean, streams: Streams): Output {
  const out = (text: string): void => streams.stdout(`${text}\n`);
  const err = (text: string): void => streams.stderr(`${text}\n`);
  return {
    json,
    result: (text, value) => out(json ? JSON.stringify(value, null, 2) : text),
    line: json ? err : out,
    note: err,
  };
}

/** Columns side by side, two spaces apart; the last one is not padded. An empty table is its header alone. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return columns([header, ...rows]).join('\n');
}

/** As {@link table}, without a header. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

export function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => (line === '' ? '' : `  ${line}`));
}
