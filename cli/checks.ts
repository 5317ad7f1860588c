import { counted } from '../core/units.js';
import type { Exit } from './exit-codes.js';
import { table } from './output.js';

/** One thing that `doctor` looked at. */
export interface Check {
  readonly name: string;
  /** `problem`: a rollout could not run. `warning`: it could, and something is not as it should be. */
  readonly state: 'ok' | 'warning' | 'problem';
  /** What was found. */
  readonly found: string;
  /** How to mend it; empty when it is well. */
  readonly mend: string;
}

export const ok = (name: string, found: string): Check => ({ name, state: 'ok', found, mend: '' });
export const warning = (name: string, found: string, mend: string): Check => ({
  name,
  state: 'warning',
  found,
  mend,
});
export const problem = (name: string, found: string, mend: string): Check => ({
  name,
  state: 'problem',
  found,
  mend,
});

const MARK: Readonly<Record<Check['state'], string>> = { ok: '✓', warning: '!', problem: '✗' };

export function checksText(checks: readonly Check[]): string {
  const rows = table(
    ['', 'CHECK', 'FOUND'],
    checks.map((check) => [MARK[check.state], check.name, check.found]),
  ).split('\n');
  const mends = checks.filter((check) => check.mend !== '').map((check) => `${check.name}: ${check.mend}`);
  const problems = checks.filter((check) => check.state === 'problem').length;
  const verdict =
    problems === 0
      ? 'A rollout can run here.'
      : `A rollout could not run here: ${counted(problems, 'problem')}.`;
  return [
    ...rows,
    '',
    ...(mends.length === 0 ? [] : ['How to mend:', ...mends.map((m) => `  ${m}`), '']),
    verdict,
  ].join('\n');
}

export function exitOfChecks(checks: readonly Check[]): Exit {
  return checks.some((check) => check.state === 'problem') ? 'not-ready' : 'ok';
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Port errors end with what to do, after the last semicolon. */
export function splitAdvice(text: string): [found: string, advice: string] {
  const at = text.lastIndexOf('; ');
  return at < 0 ? [text, 'see the message'] : [text.slice(0, at), text.slice(at + 2)];
}
