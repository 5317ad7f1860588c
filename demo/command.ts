import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../embedded/package-root.js';

export interface CommandResult {
  /** See cli/exit-codes.ts; null when it was ended by a signal. */
  readonly exitCode: number | null;
  /** What it wrote to stdout, parsed; undefined when that is no JSON. */
  readonly value: unknown;
}

export interface CommandOptions {
  /** State folder of the stack that it is about. */
  readonly state: string;
  readonly signal: AbortSignal;
  /** Every line that it says while it works, or about what is wrong. */
  readonly onLine: (line: string) => void;
}

/**
 * Runs `greenlight ARGS --output json`, as a user would, in a process of its own: the demo's clients share no event loop
 * with it.
 */
export async function greenlight(
  args: readonly string[],
  { state, signal, onLine }: CommandOptions,
): Promise<CommandResult> {
  signal.throwIfAborted();
  const program = join(packageRoot(), 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [program, ...args, '--state', state, '--output', 'json'], {
    cwd: packageRoot(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = () => child.kill('SIGTERM');
  signal.addEventListener('abort', end);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  createInterface({ input: child.stderr }).on('line', onLine);
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    return { exitCode, value: parsed(output) };
  } finally {
    signal.removeEventListener('abort', end);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
