/**
 * An absolute limit on errors beside clustered failures: what the factor that tempers it is learned from (docs/gates.md).
 *
 *   npm run bench -- gates-clusters [--runs N] [--seed N] [--rps 10,100,1000]
 */
import { parseArgs } from 'node:util';
import type { DispersionConfig, MachineConfig } from '../core/gates/index.js';
import type { Gate } from '../core/plan.js';
import { configOf, judge } from './gates/ours.js';
import type { Outcome } from './gates/rules.js';
import { always, errors, PLAIN, type Scenario, sharedIncident } from './gates/scenarios.js';
import { cellOf, markdown, percentOf, quantile } from './gates/tables.js';
import { trace } from './gates/trace.js';
import { wholeNumber } from './support/figures.js';

const LIMIT: Gate = {
  ...{ name: 'limit', role: 'required', weight: null, blipMs: 10_000, shared: 'hold', metric: 'error-rate' },
  dispersion: { mode: 'auto' },
  limit: { kind: 'at-most', share: 0.01 },
};

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    rps: { type: 'string', default: '10,100,1000' },
  },
});
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);
const levels = values.rps.split(',').map((text) => wholeNumber('--rps', text));

const clustered = (errorRate: number) => ({ ...PLAIN, errorRate, cluster: 5 });
const CASES: readonly Pick<Scenario, 'name' | 'make'>[] = [
  { name: 'both at the limit, clusters of 5', make: always(clustered(0.01), clustered(0.01)) },
  { name: 'green at the limit, clusters of 5', make: always(clustered(0.001), clustered(0.01)) },
  { name: 'healthy, 0.1%', make: always(PLAIN, PLAIN) },
  { name: 'incident that hits both', make: sharedIncident },
  { name: 'errors +5 pp', make: always(PLAIN, errors(0.051)) },
];
const WAYS: readonly { readonly name: string; readonly dispersion: DispersionConfig }[] = [
  { name: 'green’s own factor', dispersion: { mode: 'auto' } },
  { name: 'as gates have it', dispersion: { mode: 'auto', by: 'larger' } },
  { name: '6 carried over', dispersion: { mode: 'auto', by: 'larger', phi0: 6, nu0: 16 } },
  { name: '`dispersion: 9`', dispersion: { mode: 'fixed', phi: 9 } },
];

function configFor(rps: number, dispersion: DispersionConfig): MachineConfig {
  const config = configOf([LIMIT], rps);
  const metrics = config.metrics.map((metric) =>
    metric.name === LIMIT.name ? { ...metric, dispersion } : metric,
  );
  return { ...config, metrics };
}

const rows = CASES.flatMap(({ name, make }, c) =>
  levels.map((rps) => {
    const outcomes = WAYS.map((): Outcome[] => []);
    const configs = WAYS.map(({ dispersion }) => configFor(rps, dispersion));
    for (let run = 0; run < runs; run++) {
      const looks = trace({ make }, rps, seed * 1_000_003 + c * 10_007 + rps * 101 + run * 7919);
      configs.forEach((config, w) => outcomes[w]?.push(judge(config, looks)));
    }
    const cells = outcomes.map(cellOf).map(({ rollbackSec, promoteSec }) => {
      const text = (times: readonly number[]) =>
        `${percentOf(times.length, runs)}${times.length === 0 ? '' : ` (${quantile(times, 0.5)})`}`;
      return `${text(rollbackSec)} · ${text(promoteSec)}`;
    });
    return [name, String(rps), ...cells];
  }),
);
process.stdout.write(
  `${runs} runs a row, seed ${seed}, errors at most 1% and the crash guard, half an hour.\n` +
    'Each cell: rolled back % (median seconds) · passed % (median seconds).\n\n' +
    `${markdown(['case', 'rps', ...WAYS.map(({ name }) => name)], rows)}\n`,
);
