import { edgesOf } from './events.js';
import { BREACH_GRID, PASS_GRID } from './grid.js';
import type { DispersionConfig, EdgePair, MachineConfig, MetricConfig, Starts } from './types.js';

function between(value: number, low: number, high: number): boolean {
  return Number.isFinite(value) && value >= low && value <= high;
}

function checkDispersion(where: string, dispersion: DispersionConfig): string[] {
  const [what, value] =
    dispersion.mode === 'fixed' ? ['phi', dispersion.phi] : ['phi0', dispersion.phi0 ?? 1];
  const problems = between(value, 1, 16)
    ? []
    : [`${where}: dispersion ${what} must be 1 to 16, got ${value}`];
  if (dispersion.mode === 'auto' && !between(dispersion.nu0 ?? 4, Number.MIN_VALUE, 1e9)) {
    problems.push(`${where}: dispersion nu0 must be above 0, got ${dispersion.nu0}`);
  }
  if (dispersion.mode === 'auto' && !['green', 'larger'].includes(dispersion.by ?? 'green')) {
    problems.push(`${where}: dispersion by must be green or larger, got ${dispersion.by}`);
  }
  return problems;
}

function checkEdges(config: MachineConfig, metric: MetricConfig): string[] {
  const sides: readonly (readonly [string, EdgePair | undefined])[] = [
    ['breachEdge', metric.breachEdge],
    ['passEdge', metric.passEdge ?? metric.breachEdge],
  ];
  const last = edgesOf(config, metric).length - 1;
  return sides.flatMap(([side, edges]) => {
    if (edges === undefined)
      return [`metric ${metric.name}: a latency metric needs ${side}: indices into edgesMs`];
    return ([edges.blue, edges.green] as const)
      .filter((index) => !Number.isInteger(index) || index < 0 || index > last)
      .map(
        (index) =>
          `metric ${metric.name}: ${side} must be an index into edgesMs (0 to ${last}), got ${index}`,
      );
  });
}

/** More than 1 in all would break the stated chance of a wrong pass, or of a wrong rollback. */
function checkBets(
  at: string,
  { length }: readonly unknown[],
  what: string,
  bets: readonly number[] | undefined,
): string[] {
  if (bets === undefined) return [];
  const sum = bets.reduce((total, bet) => total + bet, 0);
  const fine = bets.length === length && bets.every((bet) => between(bet, 0, 1)) && sum <= 1 + 1e-9;
  return fine ? [] : [`${at}: ${what} must be ${length} weights that add up to 1, got ${bets.join(', ')}`];
}

function checkStarts(at: string, starts: Starts | undefined): string[] {
  if (starts === undefined) return [];
  const { first, step, steps, beyond = 0 } = starts;
  const fine =
    between(first, Number.MIN_VALUE, 1) &&
    between(step, 0, 1) &&
    between(beyond, 0, 1) &&
    Number.isInteger(steps) &&
    steps >= 0 &&
    first + steps * step + beyond <= 1 + 1e-9;
  return fine
    ? []
    : [
        `${at}: starts must be shares of at most 1 in all, first above 0, got first ${first}, ${steps} steps of ${step} and ${beyond} beyond the plan`,
      ];
}

function checkMetric(config: MachineConfig, metric: MetricConfig): string[] {
  const at = `metric ${metric.name}`;
  const problems: string[] = [];
  if (!between(metric.r, 0, 1e6)) problems.push(`${at}: r must be 0 or a factor above 0, got ${metric.r}`);
  if (!between(metric.delta, 0, 1))
    problems.push(`${at}: delta must be a share of 0 to 1, got ${metric.delta}`);
  if (!between(metric.weight, Number.MIN_VALUE, 1)) {
    problems.push(`${at}: weight must be above 0 and at most 1, got ${metric.weight}`);
  }
  if (!between(metric.blipSec, 0, 1e9))
    problems.push(`${at}: blipSec must be 0 or more, got ${metric.blipSec}`);
  if (!Number.isInteger(metric.plannedBlocks) || metric.plannedBlocks < 1) {
    problems.push(`${at}: plannedBlocks must be a whole number of at least 1, got ${metric.plannedBlocks}`);
  }
  problems.push(...checkBets(at, PASS_GRID, 'bets', metric.bets));
  problems.push(...checkBets(at, BREACH_GRID, 'breachBets', metric.breachBets));
  problems.push(...checkStarts(at, metric.starts));
  if (metric.source === 'latency') problems.push(...checkEdges(config, metric));
  if (metric.dispersion) problems.push(...checkDispersion(at, metric.dispersion));
  return problems;
}

/** Everything that is wrong with a configuration, one sentence each; empty = the gates can judge by it. */
export function checkConfig(config: MachineConfig): string[] {
  const problems: string[] = [];
  for (const [name, chance] of Object.entries({ alpha: config.alpha, alphaPass: config.alphaPass })) {
    if (!(chance > 0 && chance <= 0.5))
      problems.push(`${name} must be above 0 and at most 0.5, got ${chance}`);
  }
  const seconds = {
    warmupSec: config.warmupSec,
    minDurationSec: config.minDurationSec,
    deadlineSec: config.deadlineSec,
  };
  for (const [name, value] of Object.entries(seconds)) {
    if (!between(value, 0, 1e9)) problems.push(`${name} must be 0 or more seconds, got ${value}`);
  }
  if (config.edgesMs.some((edge, i) => !(edge > (config.edgesMs[i - 1] ?? 0) && Number.isFinite(edge)))) {
    problems.push(`edgesMs must ascend and be above 0, got ${config.edgesMs.join(', ')}`);
  }
  if (config.metrics.length === 0) problems.push('metrics is empty: at least one metric is needed');
  const names = config.metrics.map((metric) => metric.name);
  for (const name of new Set(names.filter((name, i) => names.indexOf(name) !== i))) {
    problems.push(`metric ${name} is there twice; names must differ`);
  }
  const sum = config.metrics.reduce((total, metric) => total + metric.weight, 0);
  // Less than 1 would be safe, only wasteful; more than 1 would break the stated chance of a wrong rollback.
  if (!(sum <= 1 + 1e-9)) problems.push(`weights of the metrics add up to ${sum}; they must add up to 1`);
  problems.push(...checkDispersion('config', config.dispersion));
  return [...problems, ...config.metrics.flatMap((metric) => checkMetric(config, metric))];
}
