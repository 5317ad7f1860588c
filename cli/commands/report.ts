import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { targetName } from '../../core/plan.js';
import { renderPlan } from '../../spec/index.js';
import { decisionRecord } from '../decision-record.js';
import { CliError } from '../errors.js';
import { newestBeat } from '../live.js';
import type { CommandFunction } from '../program.js';
import { askStatus, ending, needRollout, type KnownRollout } from '../rollouts.js';
import { uiLink, withTemporal, type Session } from '../temporal.js';
import { noWorkerText } from '../workers.js';
import type { Ending } from '../../report/index.js';

/** Writes an endpoint's newest rollout, over or under way, as one HTML file. */
export const report: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { file = `rollout-${endpoint}.html` } = options as { file?: string };
  return withTemporal(ctx, async (session) => {
    const known = await needRollout(ctx, session, endpoint);
    const { workflowId, runId, startTime, closeTime } = known.description;
    const beat = known.running ? await newestBeat(session.client, known.description) : undefined;
    const [record, end, { reportHtml }] = await Promise.all([
      decisionRecord(session.client, workflowId, runId, beat),
      endingOf(session, known, endpoint),
      import('../../report/index.js'),
    ]);
    const startedAtMs = startOf(end) ?? startTime.getTime();
    const page = reportHtml({
      ending: end,
      record,
      planText: renderPlan(record.plan),
      target: targetName(record.plan.target),
      workflowId,
      runId,
      uiLink: uiLink(session.place, workflowId, runId),
      startedAtMs,
      endedAtMs: closeTime?.getTime() ?? null,
      nowMs: Date.now(),
    });
    await writeFile(file, page);
    const bytes = Buffer.byteLength(page);
    ctx.out.result(`${endpoint}: ${resolve(file)} (${Math.ceil(bytes / 1024)} KB)`, {
      endpoint,
      file: resolve(file),
      bytes,
      workflowId,
      runId,
    });
    return 'ok';
  });
};

async function endingOf(session: Session, known: KnownRollout, endpoint: string): Promise<Ending> {
  if (!known.running) return ending(known.handle);
  const answer = await askStatus(session, known.handle);
  if ('status' in answer) return { kind: 'running', status: answer.status };
  throw new CliError(
    'no-worker',
    `A rollout of ${endpoint} runs, and no worker says where it stands: ${answer.silent}\n${noWorkerText(session)}`,
  );
}

/** Over continue-as-new: a run's own start is not the rollout's. */
function startOf(end: Ending): number | undefined {
  switch (end.kind) {
    case 'report':
      return end.report.startedAtMs;
    case 'running':
      return end.status.startedAtMs;
    case 'lost':
      return undefined;
    default:
      return end satisfies never;
  }
}
