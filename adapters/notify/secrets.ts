import { readFile } from 'node:fs/promises';
import { referenceText, type SecretReference } from '../../core/notification.js';
import { PortError } from '../ports.js';

/**
 * The value of a reference, here and now: a secret that is changed is used from the next call on.
 *
 * @throws {PortError} permanent `NoSecret`; its message names the reference, and never a value.
 */
export async function resolveSecret(reference: SecretReference, env: NodeJS.ProcessEnv): Promise<string> {
  const value = 'env' in reference ? env[reference.env] : await read(reference.file);
  const text = value?.trim() ?? '';
  if (text !== '') return text;
  const what = 'env' in reference ? 'variable is not set' : 'file is missing, empty or not readable';
  throw new PortError(`${referenceText(reference)} leads nowhere: the ${what} where the worker runs`, {
    kind: 'permanent',
    code: 'NoSecret',
  });
}

async function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
