import { distance } from 'fastest-levenshtein';

/** The word that was probably meant: nearest by edits, and near enough for its length. */
export function suggest(found: string, words: readonly string[]): string | undefined {
  // Edit distance is quadratic; no word of ours comes near this length.
  if (found.length > 64) return undefined;
  const plain = normal(found);
  const [nearest] = words
    .map((word) => ({ word, edits: distance(plain, normal(word)) }))
    .filter(({ word, edits }) => edits <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.edits - b.edits);
  return nearest?.word;
}

/** The key that was probably meant, also where the space behind its colon is missing: `worse-by:0.5pp`. */
export function meantBy(key: string, keys: readonly string[]): string | undefined {
  return suggest(key.split(':', 1)[0] ?? key, keys);
}

function normal(word: string): string {
  return word.toLowerCase().replaceAll('_', '-');
}
