import type { Terminal } from './context.js';

/**
 * The terminal that a person sits at, if there is one: both ends are terminals, it can move its cursor, and this is not
 * a CI job (some give their jobs a terminal that nobody types at).
 */
export function terminalOf(process: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'env'>): Terminal | null {
  const { stdout, env } = process;
  if (!stdout.isTTY || env['TERM'] === 'dumb' || isSet(env['CI'])) return null;
  // Last: to ask for standard input opens it.
  const { stdin } = process;
  if (!stdin.isTTY) return null;
  // https://no-color.org: any value but an empty one.
  return { stdin, stdout, colour: !isSet(env['NO_COLOR']) };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
