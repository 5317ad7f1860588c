const UNITS: readonly (readonly [words: string, unit: string])[] = [
  ['milliseconds?|millis|msecs?', 'ms'],
  ['seconds?|secs?', 's'],
  ['minutes?|mins?', 'm'],
  ['hours?|hrs?', 'h'],
  ['days?', 'd'],
  ['percentage points?|points?', 'pp'],
  ['percent|pct', '%'],
];

/**
 * What a text with units was probably meant to be: `5min` is `5m`, `10 %` is `10%`, `2m-20m` is `2m .. 20m`.
 *
 * @param fits - whether a text is taken; none that is not is ever advised.
 */
export function respelt(found: string, fits: (text: string) => boolean): string | undefined {
  // Nothing with a unit is long.
  if (found.length > 60) return undefined;
  const short = UNITS.reduce(
    (text, [words, unit]) => text.replace(new RegExp(String.raw`(\d)\s*(?:${words})(?![a-z])`, 'gi'), `$1${unit}`),
    found.trim(),
  );
  const close = short.replace(/(\d)\s+(?=(?:ms|[smhd%]|pp)(?![a-z]))/gi, '$1').toLowerCase();
  const joined = close.replace(/([smhd])(?:\s+|\s*(?:,|and)\s*)(?=\d)/g, '$1');
  const ends = close.replace(/\s*(?:-|–|—|~|\.{3,}|…|\bto\b)\s*/, ' .. ');
  return [close, joined, ends].find((text) => text !== found && fits(text));
}
