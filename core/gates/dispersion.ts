import { clamp } from './numbers.js';
import type { BadCounts, DispersionConfig, DispersionState } from './types.js';
import { MOST_OF_A_BLOCK, uncapped } from './uncap.js';

/** A count-block is closed when it holds this much variance. */
const BLOCK_VARIANCE = 2;
/** What closing a count-block leaves of the reference sums: a memory of about seven of them. */
const DECAY = 0.85;
const MOST = 16;

export interface Factors {
  /** At least 1. */
  readonly phi: number;
  /** `phi` with an allowance for how little has been seen of it yet. */
  readonly phiPass: number;
}

export function initialDispersion(): DispersionState {
  return { xB: 0, nB: 0, xG: 0, nG: 0, d: 0, v: 0, sum: 0, closed: 0 };
}

/** The factors that the next look uses (gates.md 2.4). They depend on earlier looks alone, or the bound would not hold. */
export function factors(config: DispersionConfig, state: DispersionState): Factors {
  if (config.mode === 'fixed') return { phi: config.phi, phiPass: config.phi };
  const phi0 = config.phi0 ?? 1;
  const nu0 = config.nu0 ?? 4;
  const freed = config.by === 'larger' && state.closed > 0;
  const sum = freed ? state.closed * uncapped(state.sum / state.closed) : state.sum;
  const phi = clamp((nu0 * phi0 + sum) / (nu0 + state.closed), 1, MOST);
  return { phi, phiPass: phi * (1 + 0.5 * Math.sqrt(2 / (nu0 + state.closed))) };
}

/** The factors for green, with what the baseline's own counts say where the configuration wants it. */
export function greenFactors(
  config: DispersionConfig,
  green: DispersionState,
  blue: DispersionState,
): Factors {
  const own = factors(config, green);
  if (config.mode === 'fixed' || config.by !== 'larger') return own;
  const other = factors(config, blue);
  return { phi: Math.max(own.phi, other.phi), phiPass: Math.max(own.phiPass, other.phiPass) };
}

/**
 * Takes a look into the dispersion estimate. The reference ratio is recent, so that a lasting change of green's rate is
 * soon read as a change and not as noise.
 */
export function updateDispersion(state: DispersionState, counts: BadCounts, r: number): DispersionState {
  const relative = r > 0;
  let { d, v, sum, closed } = state;
  let close = false;
  if (state.nG > 0 && (!relative || state.nB > 0)) {
    const rateG = (state.xG + 0.5) / (state.nG + 1);
    const { expected, total, relativeVariance } = relative
      ? paired(state, counts, rateG)
      : alone(state, counts, rateG);
    d += counts.xG - total * expected;
    v += total * expected * (1 - expected);
    if (v >= BLOCK_VARIANCE) {
      sum += Math.min((d * d) / (v + v * v * relativeVariance), MOST_OF_A_BLOCK);
      closed += 1;
      d = 0;
      v = 0;
      close = true;
    }
  }
  const keep = close ? DECAY : 1;
  return {
    xB: (state.xB + counts.xB) * keep,
    nB: (state.nB + counts.nB) * keep,
    xG: (state.xG + counts.xG) * keep,
    nG: (state.nG + counts.nG) * keep,
    d,
    v,
    sum,
    closed,
  };
}

interface Reference {
  readonly expected: number;
  readonly total: number;
  readonly relativeVariance: number;
}

/** Green's expected part of all bad requests of the look. */
function paired(state: DispersionState, counts: BadCounts, rateG: number): Reference {
  const q = rateG / ((state.xB + 0.5) / (state.nB + 1));
  const weighted = q * counts.nG;
  const all = weighted + counts.nB;
  return {
    expected: all === 0 ? 0 : weighted / all,
    total: counts.xG + counts.xB,
    relativeVariance: 1 / (state.xG + 0.5) + 1 / (state.xB + 0.5),
  };
}

function alone(state: DispersionState, counts: BadCounts, rateG: number): Reference {
  return { expected: rateG, total: counts.nG, relativeVariance: 1 / (state.xG + 0.5) };
}
