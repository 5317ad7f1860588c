import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, inject } from 'vitest';
import { runCli } from '../../cli/run.js';

export interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line in this process, as `greenlight ARGS` would. */
export async function greenlight(
  args: readonly string[],
  more: {
    readonly env?: NodeJS.ProcessEnv;
    readonly stop?: AbortSignal;
    readonly onLine?: (text: string) => void;
  } = {},
): Promise<Told> {
  let stdout = '';
  let stderr = '';
  const code = await runCli(args, {
    env: more.env ?? {},
    stdout: (text) => {
      stdout += text;
      more.onLine?.(text);
    },
    stderr: (text) => {
      stderr += text;
      more.onLine?.(text);
    },
    stop: () => more.stop ?? new AbortController().signal,
  });
  return { code, stdout, stderr };
}

const folders: string[] = [];
// Here, where the file is loaded: vitest does not hear of a hook that a test registers.
afterAll(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A folder that goes when the file's tests are over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'greenlight-cli-'));
  folders.push(folder);
  return folder;
}

/** A state folder in which `greenlight up` has noted this test run's Temporal server. */
export async function stateWithTemporal(
  namespace = 'default',
  address = inject('temporalAddress'),
): Promise<string> {
  const state = await temporaryFolder();
  const server = { address, namespace, uiUrl: 'http://127.0.0.1:1' };
  await writeFile(join(state, 'temporal.json'), JSON.stringify(server));
  return state;
}
