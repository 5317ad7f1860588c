export type Row = readonly [name: string, text: string];

/** Two columns, indented by two. */
export function renderRows(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
}
