import { spawn } from 'node:child_process';

export interface RunResult {
  /** Exit code; null when it was ended by a signal or never started. */
  readonly code: number | null;
  /** What it wrote, both streams as they came; the last 64 KB. */
  readonly output: string;
  /** Why it did not run to its end: not found, not executable, out of time. */
  readonly problem?: string;
}

const KEPT_CHARACTERS = 64 * 1024;

/**
 * Runs a program to its end and never throws: what came of it is a value.
 *
 * @param options.timeoutMs - then it gets SIGKILL, as it does when `signal` is aborted (with its reason as text).
 */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly env?: NodeJS.ProcessEnv; readonly signal?: AbortSignal },
): Promise<RunResult> {
  if (options.signal?.aborted === true) {
    return Promise.resolve({ code: null, output: '', problem: String(options.signal.reason) });
  }
  return new Promise((resolve) => {
    // In this process's group on purpose: Ctrl-C in a terminal then ends the program too.
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let problem: string | undefined;
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-KEPT_CHARACTERS);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const settle = (code: number | null) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      resolve({ code, output: output.trim(), ...(problem !== undefined && { problem }) });
    };
    const end = (why: string) => {
      problem ??= why;
      child.kill('SIGKILL');
      // Not 'close': a helper that it started may hold the pipes for longer.
      child.once('exit', settle);
    };
    const timer = setTimeout(
      () => end(`it did not end within ${options.timeoutMs / 1000} s`),
      options.timeoutMs,
    );
    const abort = () => end(String(options.signal?.reason));
    options.signal?.addEventListener('abort', abort);
    child.once('error', (error) => {
      problem = error.message;
      settle(null);
    });
    child.once('close', settle);
  });
}

/** Why a program did not do its work, for an error message: its problem, or its exit code and last lines. */
export function whyNot(result: RunResult, lines = 8): string {
  const what = result.problem ?? `exit code ${result.code ?? 'none (ended by a signal)'}`;
  return result.output === '' ? what : `${what}\n${tail(result.output, lines)}`;
}

/** The last lines of a text, indented to stand in an error message. */
export function tail(text: string, lines: number): string {
  return text
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `  | ${line}`)
    .join('\n');
}
