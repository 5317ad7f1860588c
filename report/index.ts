/**
 * A rollout as one HTML page that needs nothing else: no script, no network, light, dark and printed.
 *
 * Pure: the same data gives the same page. It is shown and mailed as it is, so whatever comes from outside is escaped.
 */
import { instantText, shortDuration } from '../core/units.js';
import { storyOf, type ReportData, type Story } from './data.js';
import { Html, html } from './html.js';
import { latenciesOf, latencyChart } from './latency-chart.js';
import { panelChart } from './panel-chart.js';
import { panelsOf } from './panels.js';
import { binsOf } from './series.js';
import { shareChart } from './share-chart.js';
import { STYLE } from './style.js';
import { gateTables, latencyTable, peopleTable, stepTable } from './tables.js';

export type { Ending, ReportData } from './data.js';

export function reportHtml(data: ReportData): string {
  const story = storyOf(data);
  const { plan, baseline } = data.record;
  const versions = `${baseline || '?'} → ${plan.deployment.name}`;
  const title = `${plan.endpoint}: ${versions}`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${story.headline} · ${title}</title>
        <style>
          ${new Html(STYLE)}
        </style>
      </head>
      <body>
        <h1>Rollout of ${title} <span class="small">on ${data.target}</span></h1>
        ${verdict(data, story)}
        <h2>Traffic and steps</h2>
        ${trafficSection(data, story)} ${chartSections(data, story, baseline || 'baseline')}
        <h2>Gates</h2>
        <p class="small">
          What each gate had seen when a step's watching ended. Its bounds hold however often it looks; a gate
          is proven when the upper bound is within what is allowed.
        </p>
        ${gateTables(data.record)}
        <h2>People</h2>
        ${peopleTable(story.actions)} ${notes(story)}
        <h2>The plan</h2>
        <pre>${data.planText}</pre>
      </body>
    </html> `.text;
}

function verdict(data: ReportData, story: Story): Html {
  const { startedAtMs, endedAtMs, nowMs, uiLink } = data;
  const back =
    story.rollbackMs === null
      ? null
      : `${(story.rollbackMs / 1000).toFixed(1)} s from the decision to the traffic read back`;
  return html`<div class="verdict ${story.tone}">
      <strong>${story.headline}</strong>${story.reason}
      ${
        story.left.length === 0
          ? null
          : html`<p><b>Left to do:</b></p>
              <ul>
                ${story.left.map((left) => html`<li>${left}</li>`)}
              </ul>`
      }
      ${
        story.actionsNow.length === 0
          ? null
          : html`<p><b>What can be done now:</b></p>
              <ul>
                ${story.actionsNow.map((command) => html`<li><code>${command}</code></li>`)}
              </ul>`
      }
    </div>
    <dl>
      <dt>Started</dt>
      <dd>${instantText(startedAtMs)}</dd>
      <dt>${endedAtMs === null ? 'As of' : 'Ended'}</dt>
      <dd>${instantText(endedAtMs ?? nowMs)}, after ${shortDuration((endedAtMs ?? nowMs) - startedAtMs)}</dd>
      ${
        back === null
          ? null
          : html`<dt>Rollback</dt>
              <dd>${back}</dd>`
      }
      <dt>Workflow</dt>
      <dd>
        ${uiLink === null ? data.workflowId : html`<a href="${uiLink}">${data.workflowId}</a>`}
        <span class="small">run ${data.runId}</span>
      </dd>
    </dl>`;
}

function trafficSection(data: ReportData, story: Story): Html {
  const mirrored = data.record.plan.steps.some(({ kind }) => kind === 'mirror');
  return html`<figure>
      <figcaption>
        Share of ${data.record.plan.deployment.name}
        <span class="small"
          ><span class="key" style="background:var(--green)"></span
          >live${mirrored ? ', dashed: mirrored' : ''} · numbers: steps · ✓ pass, ✗ breach, ? undecided, !
          changed from outside · <span style="color:var(--human)">◆</span> a person acted · times in UTC</span
        >
      </figcaption>
      ${shareChart(data, story)}
    </figure>
    ${stepTable(story)}`;
}

function chartSections(data: ReportData, story: Story, baseline: string): Html {
  const { record } = data;
  const bins = binsOf(record.windows);
  if (bins.length === 0)
    return html`<h2>What was measured</h2>
      <p>No look was taken, so there is nothing to draw.</p>`;
  const green = record.plan.deployment.name;
  const key = html`<span class="small"
    ><span class="key" style="background:var(--blue)"></span>${baseline}<span
      class="key"
      style="background:var(--green)"
    ></span
    >${green}<span class="key" style="background:var(--limit)"></span>limit</span
  >`;
  const latencies = latenciesOf(record, bins);
  return html`<h2>What was measured</h2>
    <p class="small">
      Bands are the 95 % interval of each point by itself: they show how little one point can tell. Gates
      judge by all requests of a step together.
    </p>
    ${panelsOf(record, bins).map(
      (panel) =>
        html`<figure>
          <figcaption>${panel.title} ${key}</figcaption>
          ${panelChart(panel, data, story)}
        </figure>`,
    )}
    ${
      latencies === null
        ? null
        : html`<figure>
              <figcaption>Requests answered within a time, over the whole rollout ${key}</figcaption>
              ${latencyChart(latencies, record)}
            </figure>
            ${latencyTable(latencies, { blue: baseline, green })}`
    }`;
}

function notes({ notes: all }: Story): Html | null {
  return all.length === 0
    ? null
    : html`<h2>Notes</h2>
        <ul>
          ${all.map((note) => html`<li>${note}</li>`)}
        </ul>`;
}
