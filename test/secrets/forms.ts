/**
 * The forms in which a secret may stand in a text: as it is, as a part of an address, and in base64 wherever it begins among
 * the bytes that are encoded with it, as the password in `user:password` does. What depends on its neighbours is left out.
 */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const within = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const first = Math.ceil((offset * 8) / 6);
    return encoded.slice(first, Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const inUrls = within.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  return [...new Set([secret, encodeURIComponent(secret), ...within, ...inUrls])];
}
