import type { Ended } from '../client/find.js';
import type { Outcome } from '../core/failures.js';

/**
 * How a command ends, as a number for scripts. The one table: `--help` and docs/cli.md show it.
 *
 * Numbers are public: a script that knows 4 as "rolled back" must never meet another 4.
 */
export const EXIT_CODES = {
  ok: { code: 0, means: 'Done. With --wait: the rollout was promoted.' },
  unexpected: {
    code: 1,
    means: 'Something went wrong that has no number of its own; the message says what.',
  },
  usage: { code: 2, means: 'The command line is wrong: an unknown command or option, a missing argument.' },
  rejected: {
    code: 3,
    means: 'The spec was rejected, by its check or by preflight. Nothing was changed.',
  },
  'rolled-back': { code: 4, means: 'The rollout rolled back, and the endpoint was read back as before.' },
  aborted: { code: 5, means: 'A person stopped the rollout, and the endpoint was read back as before.' },
  'rollback-incomplete': {
    code: 6,
    means: 'The endpoint could not be brought back, or nobody could prove it. A person has to look now.',
  },
  'already-running': { code: 7, means: 'Another rollout holds the endpoint. Nothing was started.' },
  unreachable: { code: 8, means: 'Temporal, or the place where endpoints live, does not answer.' },
  'no-worker': {
    code: 9,
    means: 'Temporal answers, and no worker does the work. What submit started goes on with the next one.',
  },
  'not-found': { code: 10, means: 'There is no such rollout, endpoint or deployment.' },
  refused: {
    code: 11,
    means:
      'What was asked does not fit now, or the target said no. The message tells what was done before that.',
  },
  'not-ready': { code: 12, means: 'doctor: a rollout could not run here.' },
  interrupted: {
    code: 130,
    means:
      'Ctrl-C, or SIGTERM to a command that waits. With --wait, only the waiting ended: the rollout goes on.',
  },
} as const;

export type Exit = keyof typeof EXIT_CODES;

const EXIT_OF: Readonly<Record<Outcome, Exit>> = {
  promoted: 'ok',
  'rolled-back': 'rolled-back',
  aborted: 'aborted',
  rejected: 'rejected',
  'rollback-incomplete': 'rollback-incomplete',
};

/** How a command ends that waited for a rollout's end. */
export function exitOf(ended: Ended): Exit {
  return ended.kind === 'report' ? EXIT_OF[ended.report.outcome] : 'rollback-incomplete';
}

/** The table as text, one line each. */
export function exitCodeLines(): readonly string[] {
  return Object.values(EXIT_CODES).map(({ code, means }) => `${String(code).padStart(3)}  ${means}`);
}
