/** What begins in a column: an entry of a list, or a key. */
type Opens = 'dash' | 'key';

interface Column {
  readonly column: number;
  readonly opens: Opens;
}

/**
 * The columns, from 0, in which a line at a place may begin: those of the lists and mappings that are open above it.
 *
 * @param at - where the line's own text begins.
 * @param opens - of lists or of mappings only; by itself, of what the line looks like.
 */
export function columnsAbove(text: string, at: number, opens?: Opens): readonly number[] {
  const lineStart = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
  const wanted = opens ?? (/^-(?=\s|$)/.test(text.slice(at)) ? 'dash' : 'key');
  let open: readonly Column[] = [];
  for (const line of text.slice(0, lineStart).split('\n')) {
    const found = columnsOf(line);
    const [first] = found;
    if (first !== undefined) open = [...open.filter(({ column }) => column < first.column), ...found];
  }
  const columns = open.filter((column) => column.opens === wanted).map(({ column }) => column);
  return [...new Set(columns)];
}

/** `  - mirror: 10%` opens a list in column 2 and a mapping in column 4. */
function columnsOf(line: string): readonly Column[] {
  const columns: Column[] = [];
  let column = line.search(/[^ ]/);
  if (column < 0 || /^[#\s]/.test(line.slice(column))) return columns;
  for (let dash = /^- +/.exec(line.slice(column)); dash; dash = /^- +/.exec(line.slice(column))) {
    columns.push({ column, opens: 'dash' });
    column += dash[0].length;
  }
  if (/^[^[\]{}#]+?:(?:\s|$)/.test(line.slice(column))) columns.push({ column, opens: 'key' });
  return columns;
}
