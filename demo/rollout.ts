import type { Client } from '@temporalio/client';
import { type Ended, ending } from '../client/find.js';
import { workflowId } from '../core/plan.js';
import type { RolloutReport } from '../core/run.js';
import { greenlight } from './command.js';
import { readRollout, type RolloutRecord } from './history.js';
import { DemoProblem } from './problem.js';
import { type DEPLOYMENT, ENDPOINT } from './set-up.js';
import type { Teller } from './teller.js';

/** A rollout that is over. */
export interface DoneRollout {
  /** When the command was given, milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly report: Pick<RolloutReport, 'outcome' | 'reason' | 'startedAtMs' | 'endedAtMs' | 'rollbackMs'>;
  readonly record: RolloutRecord;
}

/** The demo's dwells end far sooner, whatever the gates say. */
const LONGEST_MS = 6 * 60_000;

/**
 * Submits a spec, as a user does, and tells what happens until it is over.
 *
 * @throws {DemoProblem} when there was no rollout, or it has no end.
 */
export async function rollOut(
  spec: string,
  baseline: (typeof DEPLOYMENT)[keyof typeof DEPLOYMENT],
  demo: {
    readonly state: string;
    readonly client: Client;
    readonly tell: Teller;
    readonly signal: AbortSignal;
  },
): Promise<DoneRollout> {
  const { state, client, tell } = demo;
  const fromMs = Date.now();
  const args = ['submit', spec, '--wait', '--by', 'demo'];
  tell.command(args);
  const late = AbortSignal.timeout(LONGEST_MS);
  const { exitCode } = await greenlight(args, {
    state,
    signal: AbortSignal.any([demo.signal, late]),
    onLine: (line) => tell.event(line),
  }).catch((error: unknown) => {
    if (late.aborted)
      throw new DemoProblem(`The rollout of ${spec} had no end within ${LONGEST_MS / 60_000} minutes.`);
    throw error;
  });
  const toMs = Date.now();
  if (exitCode !== 0 && exitCode !== 4) {
    throw new DemoProblem(
      `\`greenlight ${args.join(' ')}\` ended with exit code ${exitCode ?? 'none'}; see above.`,
    );
  }
  const handle = client.workflow.getHandle(workflowId({ kind: 'host', workspace: 'local' }, ENDPOINT));
  const { raw, runId } = await handle.describe();
  const ended: Ended = await ending(handle);
  if (ended.kind === 'lost') throw new DemoProblem(`The rollout of ${spec} has no report: ${ended.because}`);
  const firstRunId = raw.workflowExecutionInfo?.firstRunId || runId;
  return {
    fromMs,
    toMs,
    report: ended.report,
    record: await readRollout(client, handle.workflowId, firstRunId, baseline),
  };
}
