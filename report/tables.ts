import type { DecisionRecord, RecordedWindow } from '../core/decision-record.js';
import { badOf, ms, percent, points } from '../core/gates/words.js';
import type { HumanAction } from '../core/run.js';
import { ACTED } from '../core/status-text.js';
import { instantText, shortDuration } from '../core/units.js';
import type { GateEvidence } from '../core/watch.js';
import type { Story } from './data.js';
import { html, type Html } from './html.js';
import type { Latencies } from './latency-chart.js';
import type { ArmCounts } from './series.js';
import { quantileBand } from './statistics.js';

export function stepTable({ steps }: Story): Html {
  if (steps.length === 0) return html`<p>No step ended.</p>`;
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th class="n">#</th>
          <th></th>
          <th>step</th>
          <th>began</th>
          <th class="n">took</th>
          <th>result</th>
        </tr>
      </thead>
      <tbody>
        ${steps.map(
          (step, i) =>
            html` <tr>
              <td class="n">${i + 1}</td>
              <td class="${step.stopped ? 'no' : 'yes'}">${step.stopped ? '✗' : '✓'}</td>
              <td class="t">${step.label}</td>
              <td class="t">${instantText(step.startedAtMs)}</td>
              <td class="n">${shortDuration(step.endedAtMs - step.startedAtMs)}</td>
              <td>${step.result}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Who did what, and why. */
export function peopleTable(actions: readonly HumanAction[]): Html {
  if (actions.length === 0) return html`<p>Nobody had to act, and nobody did.</p>`;
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>when</th>
          <th>who</th>
          <th>did</th>
          <th>why</th>
        </tr>
      </thead>
      <tbody>
        ${actions.map(
          ({ atMs, by, kind, reason }) =>
            html` <tr>
              <td class="t">${instantText(atMs)}</td>
              <td>${by}</td>
              <td>${ACTED[kind]}</td>
              <td>${reason || '(no reason given)'}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Each gate by itself: what it saw at the end of every step that it watched. */
export function gateTables({ plan, baseline, windows }: DecisionRecord): Html {
  const ends = lastWindows(windows);
  const gates = new Map<string, { readonly limit: string; readonly role: string; readonly rows: Html[] }>();
  for (const window of ends) {
    for (const evidence of window.evidence) {
      if (evidence.standing === 'idle') continue;
      const known = gates.get(evidence.gate) ?? { limit: evidence.limit, role: evidence.role, rows: [] };
      known.rows.push(evidenceRow(window, evidence));
      gates.set(evidence.gate, known);
    }
  }
  if (gates.size === 0) return html`<p>No gate was asked.</p>`;
  return html`${[...gates].map(
    ([name, { limit, role, rows }]) =>
      html` <h3>
          ${name}
          <span class="small"
            >${limit}${role === 'guard' ? ' · a guard: it can roll back, and is not needed to pass' : ''}</span
          >
        </h3>
        <div class="scroll">
          <table>
            <thead>
              <tr>
                <th>step</th>
                <th>standing</th>
                <th class="n">${plan.deployment.name}</th>
                <th class="n">${baseline || 'baseline'}</th>
                <th class="n">excess lies between</th>
                <th class="n">allowed</th>
                <th class="t">to a rollback</th>
                <th class="t">to proven</th>
              </tr>
            </thead>
            <tbody>
              ${rows}
            </tbody>
          </table>
        </div>`,
  )}`;
}

/** The windows that a step's story ended with: evidence grows within a step. */
function lastWindows(windows: readonly RecordedWindow[]): readonly RecordedWindow[] {
  return windows.filter((window, i) => windows[i + 1]?.stepIndex !== window.stepIndex);
}

function evidenceRow(window: RecordedWindow, evidence: GateEvidence): Html {
  const { standing, green, blue, lower, upper, r, delta } = evidence;
  const say = r === 0 ? percent : points;
  const between = lower === null || upper === null ? '–' : `${say(lower)} … ${say(upper)}`;
  const tone =
    standing === 'breach' || standing === 'suspicious' ? 'no' : standing === 'proven' ? 'yes' : 't';
  return html` <tr>
    <td class="t">${window.label}</td>
    <td class="${tone}">${standing}${evidence.shared ? ' (the baseline suffers too)' : ''}</td>
    <td class="n">${badOf(green)}</td>
    <td class="n">${blue === null ? '–' : badOf(blue)}</td>
    <td class="n">${between}</td>
    <td class="n">${say(delta)}</td>
    <td class="t">${meter(evidence.towardBreach, 'bad')}</td>
    <td class="t">${evidence.role === 'guard' ? null : meter(evidence.towardPass, 'good')}</td>
  </tr>`;
}

/** A bar that browsers colour by whether much of it is good or bad. */
function meter(share: number, much: 'good' | 'bad'): Html {
  const text = `${Math.round(share * 100)} %`;
  const best = much === 'good' ? 1 : 0;
  return html`<meter value="${share.toFixed(3)}" low="0.5" high="0.5" optimum="${best}">${text}</meter>
    <span class="small">${text}</span>`;
}

export function latencyTable(
  { edgesMs, blue, green }: Latencies,
  names: { readonly blue: string; readonly green: string },
): Html {
  const row = (name: string, arm: ArmCounts | null): Html | null => {
    if (arm === null) return null;
    const timed = arm.buckets.reduce((sum, count) => sum + count, 0);
    const beyond = arm.buckets[edgesMs.length] ?? 0;
    const at = (quantile: number): string => {
      const told = ms(quantileBand(edgesMs, arm.buckets, quantile)?.value ?? 0);
      return quantile * timed > timed - beyond ? `over ${told}` : told;
    };
    return html` <tr>
      <td>${name}</td>
      <td class="n">${timed.toLocaleString('en-US')}</td>
      <td class="n">${at(0.5)}</td>
      <td class="n">${at(0.95)}</td>
      <td class="n">${at(0.99)}</td>
    </tr>`;
  };
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>deployment</th>
          <th class="n">timed requests</th>
          <th class="n">p50</th>
          <th class="n">p95</th>
          <th class="n">p99</th>
        </tr>
      </thead>
      <tbody>
        ${row(names.blue, blue)}${row(names.green, green)}
      </tbody>
    </table>
  </div>`;
}
