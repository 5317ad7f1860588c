import type { MachineConfig, MetricConfig } from './types.js';
import { factor, ms, percent, points } from './words.js';

/** Edge of the breach side, which the counts that people see are read at; null for errors. */
function edgeMs(config: MachineConfig, metric: MetricConfig, arm: 'blue' | 'green'): number | null {
  if (metric.source === 'errors' || metric.breachEdge === undefined) return null;
  return config.edgesMs[metric.breachEdge[arm]] ?? null;
}

/** What counts as bad: `errors`, `slower than 250 ms`, `slower than 275 ms (blue: 250 ms)`. */
export function whatIsCounted(config: MachineConfig, metric: MetricConfig): string {
  const green = edgeMs(config, metric, 'green');
  const blue = edgeMs(config, metric, 'blue');
  if (green === null) return 'errors';
  const own = `slower than ${ms(green)}`;
  return metric.r === 0 || blue === null || blue === green ? own : `${own} (baseline: ${ms(blue)})`;
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

/** Counts of one arm: `37 of 412 with an error`, `37 of 412 slower than 275 ms`. */
export function countsInWords(
  config: MachineConfig,
  metric: MetricConfig,
  arm: 'blue' | 'green',
  bad: string,
  requests: string,
): string {
  const edge = edgeMs(config, metric, arm);
  return edge === null
    ? `${bad} of ${requests} with an error`
    : `${bad} of ${requests} slower than ${ms(edge)}`;
}
