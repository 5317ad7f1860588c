/**
 * Gate quality, side by side: this gate and its peers' rules on the same simulated traffic (docs/gates.md).
 *
 *   node dist/bench/gates.js [--runs N] [--seed N] [--rps 1,10,100,1000] [--only TEXT] [--rollouts N]
 */
import { parseArgs } from 'node:util';
import { KAYENTA } from './gates/kayenta.js';
import { OURS } from './gates/ours.js';
import { argo, flagger, PEEKING, PEEKING_WITH_MARGIN } from './gates/peers.js';
import type { Outcome, Rule } from './gates/rules.js';
import { SCENARIOS, type Kind, type Scenario } from './gates/scenarios.js';
import {
  cellOf,
  healthyText,
  markdown,
  percentOf,
  quantile,
  regressionText,
  type Cell,
} from './gates/tables.js';
import { standardRollouts, wholeRollouts } from './gates/rollout.js';
import { GREEN_SHARE, trace } from './gates/trace.js';
import { wholeNumber } from './support/figures.js';
import { informationLimit, type MetricConfig } from '../core/gates/index.js';

const RULES: readonly Rule[] = [
  ...OURS,
  flagger('Flagger', 60, 5, 10),
  flagger('Flagger, 10 s', 10, 3, 30),
  argo('Argo', 60, 10, 3),
  KAYENTA,
  PEEKING,
  PEEKING_WITH_MARGIN,
];

interface Row {
  readonly scenario: Scenario;
  readonly rps: number;
  readonly cells: readonly Cell[];
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    rps: { type: 'string', default: '1,10,100,1000' },
    only: { type: 'string', default: '' },
    rollouts: { type: 'string', default: '100' },
  },
});
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);
const rollouts = wholeNumber('--rollouts', values.rollouts);
const levels = values.rps.split(',').map((text) => wholeNumber('--rps', text));
const chosen = SCENARIOS.filter(({ name }) => name.includes(values.only));

function simulate(scenario: Scenario, rps: number): Row {
  const outcomes: Outcome[][] = RULES.map(() => []);
  for (let run = 0; run < runs; run++) {
    const looks = trace(
      scenario,
      rps,
      seed * 1_000_003 + SCENARIOS.indexOf(scenario) * 10_007 + rps * 101 + run * 7919,
    );
    RULES.forEach((rule, i) => outcomes[i]?.push(rule.judge(looks, rps)));
  }
  return { scenario, rps, cells: outcomes.map(cellOf) };
}

function table(rows: readonly Row[], kinds: readonly Kind[], text: (cell: Cell) => string): string {
  return markdown(
    ['scenario', 'rps', ...RULES.map(({ name }) => name)],
    rows
      .filter(({ scenario }) => kinds.includes(scenario.kind))
      .map(({ scenario, rps, cells }) => [scenario.name, String(rps), ...cells.map(text)]),
  );
}

/** Green requests judged until the rollback, against what any test with this alpha needs on average. */
function limits(rows: readonly Row[]): string {
  const margin: MetricConfig = {
    name: 'errors',
    source: 'errors',
    r: 1,
    delta: 0.005,
    weight: 1,
    blipSec: 10,
    plannedBlocks: 180,
  };
  const warmupSec = 30;
  return markdown(
    ['scenario', 'rps', 'information limit', 'requests of this gate, median', 'ratio'],
    rows.flatMap(({ scenario, rps, cells }) => {
      const median = quantile(cells[0]?.rollbackSec ?? [], 0.5);
      const { rates } = scenario;
      if (scenario.kind !== 'regression' || rates === undefined || rates.green === 1 || median === null)
        return [];
      if ((cells[0]?.rolledBack ?? 0) < 0.5 * runs) return [];
      const limit = informationLimit(margin, rates, 0.01);
      const requests = (median - warmupSec) * rps * GREEN_SHARE;
      return [
        [scenario.name, String(rps), limit.toFixed(0), requests.toFixed(0), (requests / limit).toFixed(1)],
      ];
    }),
  );
}

function totals(rows: readonly Row[], kind: Kind): string {
  const of = rows.filter(({ scenario }) => scenario.kind === kind);
  const lines = RULES.map(({ name }, i) => {
    const cells = of.flatMap(({ cells }) => cells[i] ?? []);
    const sum = (pick: (cell: Cell) => number) => cells.reduce((total, cell) => total + pick(cell), 0);
    const all = sum((cell) => cell.runs);
    return [
      name,
      String(all),
      String(sum((cell) => cell.rolledBack)),
      percentOf(
        sum((cell) => cell.rolledBack),
        all,
      ),
      percentOf(
        sum((cell) => cell.promoted),
        all,
      ),
    ];
  });
  return markdown(['rule', 'runs', 'rolled back', '%', 'promoted %'], lines);
}

function print(text: string): void {
  process.stdout.write(`${text}\n\n`);
}

const started = performance.now();
const rows = chosen.flatMap((scenario) => levels.map((rps) => simulate(scenario, rps)));
print(
  `${runs} runs a cell, seed ${seed}, looks of 5 s for 30 min, green has ${GREEN_SHARE * 100}% of the traffic.`,
);
print('### Healthy green: false rollback % · promoted % (median seconds)');
print(table(rows, ['healthy'], healthyText));
print(totals(rows, 'healthy'));
print(
  '### Green no worse than allowed, with noise of its own, where an assumption is bent: rollback % · promoted % (median seconds)',
);
print(table(rows, ['noisy'], healthyText));
print('### Green exactly at the margin: rollback % · promoted % (median seconds)');
print(table(rows, ['margin'], healthyText));
print(totals(rows, 'margin'));
print('### Regressions: rolled back % (median/95% seconds) · promoted %');
print(table(rows, ['regression'], regressionText));
print(totals(rows, 'regression'));
print(
  '### A regression that begins in minute 10: rolled back % (median/95% seconds) · promoted %, mostly before it',
);
print(table(rows, ['late'], regressionText));
print('### Against the information limit, ln(1/alpha)/KL');
print(limits(rows));
print('### Whole rollouts of three steps of 10 min at 10, 25 and 50%, no early pass: this gate');
print(wholeRollouts(rollouts, seed, levels));
print(
  '### Healthy rollouts, on as soon as a step is proven: proven within 30 min % (median seconds), of those that got there',
);
print(standardRollouts(rollouts, seed, levels));
process.stderr.write(`took ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
