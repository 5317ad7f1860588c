const WORDS = 'secret|token|passw(?:or)?d|api[-_]?key|credential|connection[-_]?string';

const SECRET_NAME = new RegExp(WORDS, 'i');

/** Whether a variable is named as secrets are. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** A key that is named as secrets are, with a plain value: no reference, and no mapping or list that holds more keys. */
const SECRET_KEY = new RegExp(
  String.raw`(?:${WORDS}|webhook)[\w.-]*["']?[ \t]*:(?=[ \t]+(?!["']?\$\{)[^\s{[#])`,
  'i',
);

/**
 * A line up to its first value that looks like a secret: what is shown of a spec is kept in logs, and a key that is
 * misspelt or misplaced is still followed by what somebody wanted to keep.
 */
export function beforeSecret(line: string): string {
  const found = SECRET_KEY.exec(line);
  return found === null ? line : line.slice(0, found.index + found[0].length);
}
