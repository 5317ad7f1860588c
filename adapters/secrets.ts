import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PortError, type Secrets } from './ports.js';

/** Folder with one file per secret, as platforms mount them. */
const FOLDER = 'GREENLIGHT_SECRETS_DIR';
const PREFIX = 'GREENLIGHT_SECRET_';

/**
 * Secrets of this machine: files in the folder that `GREENLIGHT_SECRETS_DIR` names, else variables
 * `GREENLIGHT_SECRET_<NAME>` (the name in capitals, `.` and `-` as `_`).
 *
 * Nothing else of the environment can be named: who writes a spec must not read the worker's own secrets by it.
 */
export function machineSecrets(env: NodeJS.ProcessEnv): Secrets {
  return async (name) => {
    const folder = env[FOLDER] || undefined; // a CI's variable that is set and empty names no folder
    const file = folder === undefined ? undefined : join(folder, name);
    const variable = PREFIX + name.toUpperCase().replace(/[.-]/g, '_');
    const value = (file === undefined ? undefined : await content(file)) ?? env[variable];
    if (value !== undefined) return value;
    throw new PortError(
      `There is no secret "${name}" here: ${file === undefined ? `${FOLDER} is not set` : `${file} does not exist`}, ` +
        `and neither is ${variable} set; give it to every worker of this target (and to the command that creates the deployment)`,
      { kind: 'permanent', code: 'UnknownSecret' },
    );
  };
}

/** @returns undefined when there is no such file. The line break that editors put at the end is not part of a secret. */
async function content(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PortError(
      `The secret ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}; make it readable for the worker`,
      { kind: 'permanent', code: 'UnknownSecret' },
      { cause: error },
    );
  }
}
