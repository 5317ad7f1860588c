import type { RecordedWindow } from '../../core/decision-record.js';
import { type Arms, gateLine } from '../../core/status-text.js';
import { trafficText } from '../../core/traffic.js';
import { counted, instantText, shortDuration } from '../../core/units.js';
import { indent } from '../output.js';
import type { CommandFunction } from '../program.js';
import { withGreenlight } from '../with-greenlight.js';

/** What the gates of an endpoint's newest rollout saw and said, window by window. */
export const evidence: CommandFunction = async (ctx, [endpoint = '']) =>
  withGreenlight(ctx, async (greenlight) => {
    const record = await greenlight.evidence(endpoint);
    const arms = { green: record.plan.deployment.name, baseline: record.baseline };
    const title = `${endpoint}: ${arms.baseline || '?'} → ${arms.green}, ${counted(record.windows.length, 'window')} watched`;
    const lines = record.windows.flatMap((window) => windowLines(window, arms));
    ctx.out.result([title, ...lines].join('\n'), record);
    return 'ok';
  });

function windowLines(window: RecordedWindow, arms: Arms): readonly string[] {
  const took = shortDuration(window.endedAtMs - window.startedAtMs);
  const mode = window.mode === 'guard' ? ', guarding' : '';
  return [
    '',
    `${instantText(window.startedAtMs)}  ${window.label} (${trafficText(window.traffic)}${mode}), ${took}: ${window.verdict}`,
    ...indent([window.sentence, ...window.evidence.map((e) => gateLine(e, arms))]),
  ];
}
