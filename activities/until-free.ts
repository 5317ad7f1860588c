import { getClient } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { Freed, UntilFreeInput } from '../core/queue.js';
import type { RolloutReport } from '../core/run.js';
import { poll } from './poll.js';

/** Below the activity's own limit: a rollout may bake for days. */
const WITHIN_MS = 6 * 60 * 60_000;

/** Waits until no rollout runs under that id, whoever starts another meanwhile. */
export async function untilFree({ workflowId }: UntilFreeInput): Promise<Freed | null> {
  const { workflow } = getClient();
  const free = await poll(async () => {
    try {
      const { status, runId } = await workflow.getHandle(workflowId).describe();
      return status.name === 'RUNNING' ? undefined : runId;
    } catch (err) {
      // So long ago that Temporal has forgotten it.
      if (err instanceof Error && err.name === 'WorkflowNotFoundError') return null;
      throw err;
    }
  }, WITHIN_MS);
  if (free === undefined) return null;
  if (free === null) return { unproven: null, dispersion: {} };
  // Of that run: under the id alone, the end of one that somebody starts by now would be waited for.
  return workflow
    .getHandle(workflowId, free)
    .result()
    .then(
      (report) => ({ unproven: null, dispersion: dispersionOf(report as RolloutReport) }),
      (err: unknown) => freedBy(err),
    );
}

function freedBy(err: unknown): Freed {
  const cause = err instanceof Error && err.name === 'WorkflowFailedError' ? err.cause : undefined;
  if (cause === undefined) throw err;
  const report =
    cause instanceof ApplicationFailure ? (cause.details?.[0] as RolloutReport | undefined) : undefined;
  if (report === undefined) {
    const because = cause instanceof Error ? cause.message : String(cause);
    return {
      unproven: `the rollout before it ended without a report (${because}), so its traffic may stand half-way`,
      dispersion: {},
    };
  }
  return {
    unproven:
      report.outcome === 'rollback-incomplete'
        ? `the rollout before it could not be taken back in full; left to do: ${report.left.join('; ')}`
        : null,
    dispersion: dispersionOf(report),
  };
}

/** Reports of older workers may lack it. */
function dispersionOf(report: Partial<RolloutReport>): Freed['dispersion'] {
  return report.dispersion ?? {};
}
