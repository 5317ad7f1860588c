/**
 * What a look costs, and how large the gates' state is (docs/gates.md).
 *
 *   node dist/bench/gates-cost.js
 */
import { advance, initialState, type GateState, type Look, type MachineConfig } from '../core/gates/index.js';
import { configOf, RELATIVE } from './gates/ours.js';
import { SCENARIOS, type Scenario } from './gates/scenarios.js';
import { trace } from './gates/trace.js';

const ROUNDS = 15;

/** Runs all looks, and gives the state at the end. */
function run(config: MachineConfig, looks: readonly Look[], bounds: boolean): GateState {
  return looks.reduce((state, look) => advance(config, state, look, { bounds }).state, initialState(config));
}

/**
 * Microseconds of processor time per metric and look: the quickest of several rounds, since other programs only ever slow
 * one down.
 */
function microseconds(config: MachineConfig, looks: readonly Look[], bounds: boolean): number {
  const took = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    run(config, looks, bounds);
    return process.cpuUsage(before).user;
  });
  return Math.min(...took) / looks.length / config.metrics.length;
}

const config = configOf(RELATIVE, 1000, 4);
const looks = trace(SCENARIOS[0] as Scenario, 1000, 1);
const state = run(config, looks, false);
const bytes = config.metrics.map(({ name }) => JSON.stringify(state.metrics[name]).length);
process.stdout.write(
  [
    `a look, per metric: ${microseconds(config, looks, false).toFixed(1)} µs without bounds, ` +
      `${microseconds(config, looks, true).toFixed(1)} µs with both`,
    `state after ${looks.length} looks: ${bytes.join(', ')} bytes (${config.metrics.map(({ name }) => name).join(', ')})`,
    '',
  ].join('\n'),
);
