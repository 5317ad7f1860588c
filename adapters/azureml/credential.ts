import { readFile } from 'node:fs/promises';
import type { TokenCredential } from '@azure/core-auth';
import { NO_TOKEN } from '../../core/failures.js';
import { PortError } from '../ports.js';

/**
 * A credential whose token is the content of a file, as the endpoint host writes it.
 *
 * The file is read for every request: a token that is older than the file would be refused, and a refusal is final.
 */
export function fileCredential(path: string): TokenCredential {
  return {
    async getToken() {
      const token = await readToken(path);
      return { token, expiresOnTimestamp: Date.now() };
    },
  };
}

async function readToken(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new PortError(
      `The token file ${path} cannot be read: ${reason}; check that the endpoint host is running`,
      { kind: 'transient', code: NO_TOKEN },
      { cause: thrown },
    );
  }
  const token = text.trim();
  if (token !== '') return token;
  throw new PortError(`The token file ${path} is empty; check that the endpoint host is running`, {
    kind: 'transient',
    code: NO_TOKEN,
  });
}
