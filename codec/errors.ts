/** Keys that cannot be used, or a payload that cannot be read with them; the message says what to do. Never holds a key. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}
