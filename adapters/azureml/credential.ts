import { readFile } from 'node:fs/promises';
import type { TokenCredential } from '@azure/core-auth';

/** How long a token that was read is used before the file is read again, milliseconds. */
const READ_AGAIN_AFTER_MS = 5_000;

/** A credential whose token is the content of a file, as the endpoint host writes it. */
export function fileCredential(path: string): TokenCredential {
  return {
    async getToken() {
      const token = (await readFile(path, 'utf8')).trim();
      return { token, expiresOnTimestamp: Date.now() + READ_AGAIN_AFTER_MS };
    },
  };
}
