import type { RecordedWindow } from '../../core/decision-record.js';
import { gateLine } from '../../core/status-text.js';
import { trafficText } from '../../core/traffic.js';
import { instantText } from '../../core/units.js';
import { decisionRecord } from '../decision-record.js';
import { indent } from '../output.js';
import type { CommandFunction } from '../program.js';
import { needRollout } from '../rollouts.js';
import { withTemporal } from '../temporal.js';
import { shortDuration } from '../times.js';

/** What the gates of an endpoint's newest rollout saw and said, window by window. */
export const evidence: CommandFunction = async (ctx, [endpoint = '']) =>
  withTemporal(ctx, async (session) => {
    const { handle, description } = await needRollout(ctx, session, endpoint);
    const record = await decisionRecord(session.client, handle.workflowId, description.runId);
    const title = `${endpoint}: ${record.baseline || '?'} → ${record.plan.deployment.name}, ${record.windows.length} windows watched`;
    ctx.out.result([title, ...record.windows.flatMap(windowLines)].join('\n'), record);
    return 'ok';
  });

function windowLines(window: RecordedWindow): readonly string[] {
  const took = shortDuration(window.endedAtMs - window.startedAtMs);
  const mode = window.mode === 'guard' ? ', guarding' : '';
  return [
    '',
    `${instantText(window.startedAtMs)}  ${window.label} (${trafficText(window.traffic)}${mode}), ${took}: ${window.verdict}`,
    ...indent([window.sentence, ...window.evidence.map(gateLine)]),
  ];
}
