import type { Gate } from '../plan.js';
import { OUTAGE_BETS } from './breach-bets.js';
import type { MetricConfig } from './types.js';

/** The gate that every rollout has: half of green's requests fail. Also on during warm-up. */
export const CRASH_GUARD = 'crash-guard';
export const CRASH_GUARD_WEIGHT = 0.16;

export const CRASH_LIMIT = 0.5;
const BLIP_MS = 10_000;

/** As patient as the least patient error gate, so that who tolerates longer blips of errors gets that here too. */
function blipMs(gates: readonly Gate[]): number {
  const blips = gates.filter((gate) => gate.metric === 'error-rate').map((gate) => gate.blipMs);
  return blips.length === 0 ? BLIP_MS : Math.min(...blips);
}

export function crashGuard(gates: readonly Gate[], plannedBlocks: (blipMs: number) => number): MetricConfig {
  const blip = blipMs(gates);
  return {
    name: CRASH_GUARD,
    source: 'errors',
    r: 0,
    delta: CRASH_LIMIT,
    weight: CRASH_GUARD_WEIGHT,
    blipSec: blip / 1000,
    plannedBlocks: plannedBlocks(blip),
    duringWarmup: true,
    passRole: false,
    breachBets: OUTAGE_BETS,
  };
}
