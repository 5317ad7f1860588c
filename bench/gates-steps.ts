/**
 * What the design measured of single steps (its 7.1 to 7.3), again with this code: the gates as the design has them, without
 * bets, its absolute limits, and z-tests with its margins (docs/gates.md).
 *
 *   npm run bench -- gates-steps [--runs N] [--seed N] [--only TEXT]
 */
import { parseArgs } from 'node:util';
import { NOTE_STEPS, type NoteCell } from './gates/note-steps.js';
import { ABSOLUTE, configOf, judge, RELATIVE, withoutBets } from './gates/ours.js';
import { PEEKING_WITH_MARGIN } from './gates/peers.js';
import type { Outcome } from './gates/rules.js';
import { SCENARIOS } from './gates/scenarios.js';
import { cellOf, markdown, percentOf, quantile } from './gates/tables.js';
import { trace } from './gates/trace.js';
import { wholeNumber } from './support/figures.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const runs = wholeNumber('--runs', values.runs);
const seed = wholeNumber('--seed', values.seed);

/** Whether two shares (percent) can be the same: four standard deviations, since there are hundreds of them. */
function alike(a: number, runsA: number, b: number, runsB: number): boolean {
  const pooled = (a * runsA + b * runsB) / (runsA + runsB) / 100;
  const deviation = 100 * Math.sqrt(pooled * (1 - pooled) * (1 / runsA + 1 / runsB));
  return Math.abs(a - b) <= 4 * deviation + 100 / runsB / 2;
}

interface Compared {
  readonly text: string;
  readonly same: boolean;
}

function compare(outcomes: readonly Outcome[], [back, on, median]: NoteCell, noteRuns: number): Compared {
  const { rolledBack, promoted, rollbackSec, promoteSec } = cellOf(outcomes);
  const ours = quantile(back > on ? rollbackSec : promoteSec, 0.5);
  const same =
    alike(back, noteRuns, (100 * rolledBack) / runs, runs) &&
    alike(on, noteRuns, (100 * promoted) / runs, runs);
  const here = `${percentOf(rolledBack, runs)} · ${percentOf(promoted, runs)}${ours === null ? '' : ` (${ours})`}`;
  const there = `${back} · ${on}${median === null ? '' : ` (${median})`}`;
  return { text: `${there} → ${here}${same ? '' : ' **≠**'}`, same };
}

const chosen = NOTE_STEPS.filter(({ scenario }) => scenario.includes(values.only));
const verdicts: Compared[] = [];
const rows = chosen.map(({ scenario: name, rps, runs: noteRuns, cells }) => {
  const at = SCENARIOS.findIndex((each) => each.name === name);
  const scenario = SCENARIOS[at];
  if (scenario === undefined) throw new Error(`no scenario is called "${name}"`);
  const gate = withoutBets(configOf(RELATIVE, rps));
  const limits = withoutBets(configOf(ABSOLUTE, rps));
  const outcomes: [Outcome[], Outcome[], Outcome[]] = [[], [], []];
  for (let run = 0; run < runs; run++) {
    const looks = trace(scenario, rps, seed * 1_000_003 + at * 10_007 + rps * 101 + run * 7919);
    outcomes[0].push(judge(gate, looks));
    outcomes[1].push(judge(limits, looks));
    outcomes[2].push(PEEKING_WITH_MARGIN.judge(looks));
  }
  const compared = outcomes.map((all, i) => compare(all, cells[i] as NoteCell, noteRuns));
  verdicts.push(...compared);
  return [name, String(rps), ...compared.map(({ text }) => text)];
});
const same = verdicts.filter((each) => each.same).length;
process.stdout.write(
  `${runs} runs a cell, seed ${seed}. Each cell: design → here, rolled back % · promoted % (median seconds).\n` +
    `${same} of ${verdicts.length} cells are alike within four standard deviations; the others are marked.\n\n` +
    `${markdown(['scenario', 'rps', 'this gate', 'absolute limits', 'z with margins'], rows)}\n`,
);
