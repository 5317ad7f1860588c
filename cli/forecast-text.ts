import type { GateForecast, PlanForecast, StepForecast } from '../core/gates/index.js';
import { perSecond, percent, seconds } from '../core/gates/words.js';
import { columns, indent } from './output.js';

/** Sizes of regressions that a table has columns for: of requests, and of metrics of the user's own. */
const SIZES = ['+1 pp errors', '+5 pp errors', '2x latency'];
const OWN_SIZES = ['+1 pp bad events', '+5 pp bad events', '2x values'];

/** A forecast as people read it: a table for each watched step, and in words what cannot be said. */
export function forecastText(forecast: PlanForecast, source: string): string {
  const { share, assumed } = forecast.errorRate;
  return [
    `Forecast at ${perSecond(forecast.rps)} (${source}; the baseline has ${percent(share)} errors${assumed ? ', assumed' : ''})`,
    ...indent([
      `wrong rollback: a chance of at most ${percent(forecast.wrongRollback)}, over all steps, looks and gates together`,
    ]),
    ...forecast.steps.flatMap(stepLines),
    ...unknownLines(forecast),
  ].join('\n');
}

/** Each gate without a forecast once, whatever the step. */
function unknownLines({ steps }: PlanForecast): string[] {
  const texts = new Map(steps.flatMap(({ unknown }) => unknown).map(({ gate, text }) => [gate, text]));
  const lines = [...texts].map(([gate, text]) => `${gate}: no forecast, ${text}`);
  return lines.length === 0 ? [] : ['', ...indent(lines)];
}

function stepLines(step: StepForecast): string[] {
  const own = step.gates.filter(({ catches }) => catches.some(({ what }) => OWN_SIZES.includes(what)));
  const ofRequests = step.gates.filter((gate) => !own.includes(gate));
  return [
    '',
    ...indent([
      `${step.step}. ${step.label}: ${trafficOf(step)}${provenText(step)}`,
      ...indent([...tableLines(step, ofRequests, SIZES), ...tableLines(step, own, OWN_SIZES)]),
    ]),
  ];
}

function tableLines(
  { atMostMs }: StepForecast,
  gates: readonly GateForecast[],
  sizes: readonly string[],
): readonly string[] {
  if (gates.length === 0) return [];
  const head = ['gate', 'proven', ...sizes, `caught 9 times of 10 in ${seconds(atMostMs / 1000)}`];
  const rows = gates.map((gate) => [
    gate.gate,
    gate.role === 'guard' ? 'not needed' : timeText(gate.passSec),
    ...sizes.map((size) => caughtText(gate, size)),
    gate.smallest ?? 'nothing',
  ]);
  return columns([head, ...rows]);
}

function trafficOf({ kind, blueRps, greenRps }: StepForecast): string {
  if (kind === 'bake') return `green alone with ${perSecond(greenRps)}`;
  return `green has ${perSecond(greenRps)}${kind === 'mirror' ? ' in copies' : ''}, the baseline ${perSecond(blueRps)}`;
}

function provenText({ kind, provenSec }: StepForecast): string {
  if (kind === 'bake' || provenSec === null) return '';
  return `; a version like the baseline passes in about ${seconds(provenSec)}`;
}

function caughtText(gate: GateForecast, size: string): string {
  const caught = gate.catches.find(({ what }) => what === size);
  return caught === undefined ? '–' : timeText(caught.sec);
}

function timeText(sec: number | null): string {
  return sec === null ? 'never' : seconds(sec);
}
