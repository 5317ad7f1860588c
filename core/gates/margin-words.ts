import { edgesOf } from './events.js';
import type { MachineConfig, MetricConfig } from './types.js';
import { factor, ms, percent, plain, points } from './words.js';

/** Edge of the breach side, which the counts that people see are read at; null for errors and bad events. */
function edgeOf(config: MachineConfig, metric: MetricConfig, arm: 'blue' | 'green'): number | null {
  if (metric.source === 'errors' || metric.breachEdge === undefined) return null;
  return edgesOf(config, metric)[metric.breachEdge[arm]] ?? null;
}

/** `slower than 250 ms`; of a metric of the user's own `above 250`, whatever its unit is. */
export function beyondEdge({ own }: MetricConfig, edge: number): string {
  return own === undefined ? `slower than ${ms(edge)}` : `above ${plain(edge)}`;
}

/** What counts as bad: `errors`, `bad events`, `slower than 250 ms`, `slower than 275 ms (blue: 250 ms)`. */
export function whatIsCounted(config: MachineConfig, metric: MetricConfig): string {
  const green = edgeOf(config, metric, 'green');
  const blue = edgeOf(config, metric, 'blue');
  if (green === null) return metric.own === undefined ? 'errors' : 'bad events';
  const all = beyondEdge(metric, green);
  if (metric.r === 0 || blue === null || blue === green) return all;
  return `${all} (baseline: ${metric.own === undefined ? ms(blue) : plain(blue)})`;
}

/** What a gate asks: `at most 1%`, `at most 0.5 pp more than blue`, `at most 1.2 times blue's and 0.1 pp`. */
export function marginInWords(metric: MetricConfig, baseline: string): string {
  const { asks, r, delta } = metric;
  if (asks !== undefined) return asks;
  if (r === 0) return `at most ${percent(delta)}`;
  if (r === 1)
    return delta === 0 ? `no more than ${baseline}` : `at most ${points(delta)} more than ${baseline}`;
  return delta === 0
    ? `at most ${factor(r)} times ${baseline}'s`
    : `at most ${factor(r)} times ${baseline}'s plus ${points(delta)}`;
}

/** Counts of one arm: `37 of 412 with an error`, `37 of 412 slower than 275 ms`, `37 of 412 bad`. */
export function countsInWords(
  config: MachineConfig,
  metric: MetricConfig,
  arm: 'blue' | 'green',
  bad: string,
  requests: string,
): string {
  const edge = edgeOf(config, metric, arm);
  const counted = `${bad} of ${requests}`;
  if (edge !== null) return `${counted} ${beyondEdge(metric, edge)}`;
  return metric.own === undefined ? `${counted} with an error` : `${counted} bad`;
}
