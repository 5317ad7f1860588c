/** Keeps a foreign text readable inside ours: one line, bounded, no bearer token and no password. */
export function oneLine(text: string): string {
  const line = text
    .replace(/\s+/g, ' ')
    .replace(/bearer [\w.~+/=-]+/gi, 'Bearer [redacted]')
    .replace(/basic [\w+/=-]+/gi, 'Basic [redacted]')
    .trim()
    .replace(/[.;]+$/, '');
  return line.length <= 600 ? line : `${line.slice(0, 597)}...`;
}
