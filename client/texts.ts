const CUT = '…';

/** A text cut to at most `limit` bytes of UTF-8, never inside a character. */
export function shortenTo(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  const room = limit - Buffer.byteLength(CUT);
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > room) break;
    kept += character;
  }
  return kept + CUT;
}

/** A text as a value in a query of Temporal's lists: contexts and workspaces may have nearly any name. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
