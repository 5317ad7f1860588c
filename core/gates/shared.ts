import { oneSample } from './evariable.js';
import { BREACH_GRID } from './grid.js';
import { clamp, logSumExp } from './numbers.js';

/** What a block's start leaves of the baseline's evidence. */
const FADE = 0.8;

/**
 * The baseline's own evidence against an absolute limit (gates.md 2.6): a decaying sum per grid point. It is no test;
 * it only ever lowers the breach process, so it costs no guarantee.
 */
export function atBlockStart(blue: readonly number[], alpha: number): number[] {
  const most = Math.log(1 / alpha);
  return blue.map((evidence) => FADE * clamp(evidence, 0, most));
}

export function afterBlueLook(
  blue: readonly number[],
  x: number,
  n: number,
  delta: number,
  phiBlue: number,
): number[] {
  return BREACH_GRID.map((tilt, i) => (blue[i] ?? 0) + oneSample(x, n, delta, tilt) / phiBlue);
}

/** Whether the baseline breaks the limit too, as far as the open block tells. */
export function countsAsShared(blue: readonly number[]): boolean {
  return logSumExp(BREACH_GRID.map((tilt, i) => tilt.lnWeight + (blue[i] ?? 0))) >= Math.LN2;
}
