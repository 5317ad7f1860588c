import { advance, initialState, type Look, type MachineConfig } from '../../core/gates/index.js';
import { BREACH_GRID, PASS_GRID, type Tilt } from '../../core/gates/grid.js';
import { lnEvidence, oneSample } from '../../core/gates/evariable.js';
import { logSumExp } from '../../core/gates/numbers.js';
import { GREEN_SHARE, LOOK_SEC, STEP_SEC } from './trace.js';

/** A sequential test of "green has no more errors than blue"; gives the second at which it says no, or null. */
export interface Method {
  readonly name: string;
  judge(looks: readonly Look[]): number | null;
}

const ALPHA = 0.01;
const ENOUGH = Math.log(1 / ALPHA);

/** `rejects` is asked at every look and keeps its own sums. */
function method(name: string, start: () => (look: Look, index: number) => boolean): Method {
  return {
    name,
    judge(looks) {
      const rejects = start();
      const at = looks.findIndex((look, i) => rejects(look, i));
      return at === -1 ? null : (at + 1) * LOOK_SEC;
    },
  };
}

const GATE: MachineConfig = {
  alpha: ALPHA,
  alphaPass: 0.05,
  warmupSec: 0,
  minDurationSec: 0,
  deadlineSec: STEP_SEC,
  edgesMs: [],
  dispersion: { mode: 'auto' },
  metrics: [
    {
      name: 'errors',
      source: 'errors',
      r: 1,
      delta: 0,
      weight: 1,
      blipSec: 10,
      plannedBlocks: 180,
      passRole: false,
    },
  ],
};

const gate = method('this gate, as in the note', () => {
  let state = initialState(GATE);
  return (look) => {
    const step = advance(GATE, state, look, { bounds: false });
    state = step.state;
    return step.result.decision === 'breach';
  };
});

const mixture = method('its plain mixture (no cap, restarts, phi)', () => {
  const sums = BREACH_GRID.map(({ lnWeight }) => lnWeight);
  return ({ blue, green }) => {
    const counts = { xB: blue.errors, nB: blue.n, xG: green.errors, nG: green.n };
    BREACH_GRID.forEach((tilt, i) => (sums[i] = (sums[i] ?? 0) + lnEvidence(counts, 1, 0, tilt)));
    return logSumExp(sums) >= ENOUGH;
  };
});

/** Green's part of all errors, whose mean is green's share of the traffic: Beta mixture of 10 errors' weight. */
const betaBinomial = method('conditional beta-binomial (Lindon & Malek)', () => {
  const [a, b] = [10 * GREEN_SHARE, 10 * (1 - GREEN_SHARE)];
  let [x, y] = [0, 0];
  return ({ blue, green }) => {
    x += green.errors;
    y += blue.errors;
    const ln =
      lnBeta(x + a, y + b) - lnBeta(a, b) - x * Math.log(GREEN_SHARE) - y * Math.log(1 - GREEN_SHARE);
    return ln >= ENOUGH && x > GREEN_SHARE * (x + y);
  };
});

const plugIn = method('block e-variable, plug-in (Turner, Ly & Grünwald)', () => {
  let [xB, nB, xG, nG, ln] = [0, 0, 0, 0, 0];
  return ({ blue, green }) => {
    const pB = (xB + 0.18) / (nB + 0.36);
    const pG = Math.max(pB, (xG + 0.18) / (nG + 0.36));
    const p0 = (green.n * pG + blue.n * pB) / Math.max(1, green.n + blue.n);
    if (nB > 0 && nG > 0 && green.n + blue.n > 0) ln += lnRatio(green, pG, p0) + lnRatio(blue, pB, p0);
    xB += blue.errors;
    nB += blue.n;
    xG += green.errors;
    nG += green.n;
    return ln >= ENOUGH;
  };
});

/** Green's own lower bound above blue's own upper one, each wrong with half of alpha, at any look. */
const union = method('two one-arm confidence sequences, union', () => {
  let [xB, nB, xG, nG] = [0, 0, 0, 0];
  const enough = Math.log(2 / ALPHA);
  return ({ blue, green }) => {
    xB += blue.errors;
    nB += blue.n;
    xG += green.errors;
    nG += green.n;
    // Green's evidence falls as the rate rises: its lower bound is where it crosses the threshold.
    let [low, high] = [0, 1];
    for (let i = 0; i < 40; i++) {
      const middle = (low + high) / 2;
      if (oneArm(BREACH_GRID, xG, nG, middle) >= enough) low = middle;
      else high = middle;
    }
    return low > 0 && oneArm(PASS_GRID, xB, nB, low) >= enough;
  };
});

function oneArm(grid: readonly Tilt[], x: number, n: number, rate: number): number {
  return logSumExp(grid.map((tilt) => tilt.lnWeight + oneSample(x, n, rate, tilt)));
}

/** One-sided asymptotic confidence sequence of the difference, tightest at 500 s of green's requests. */
const asymptotic = method('asymptotic confidence sequence (Waudby-Smith et al.)', () => {
  let [xB, nB, xG, nG] = [0, 0, 0, 0];
  const tightest = 5_000;
  const rho2 = (-2 * Math.log(2 * ALPHA) + Math.log(-2 * Math.log(2 * ALPHA)) + 1) / tightest;
  return ({ blue, green }) => {
    xB += blue.errors;
    nB += blue.n;
    xG += green.errors;
    nG += green.n;
    if (nG < 30 || xG === 0) return false;
    const [pB, pG] = [xB / nB, xG / nG];
    const variance = nG * ((pG * (1 - pG)) / nG + (pB * (1 - pB)) / nB);
    const t = nG * rho2 + 1;
    const width = Math.sqrt(((2 * variance * t) / (nG * nG * rho2)) * Math.log1p(Math.sqrt(t) / (2 * ALPHA)));
    return pG - pB > width;
  };
});

function zTest(name: string, looksAt: (index: number) => boolean): Method {
  return method(name, () => {
    let [xB, nB, xG, nG] = [0, 0, 0, 0];
    return ({ blue, green }, i) => {
      xB += blue.errors;
      nB += blue.n;
      xG += green.errors;
      nG += green.n;
      const p = (xB + xG) / (nB + nG);
      const z = (xG / nG - xB / nB) / Math.sqrt(p * (1 - p) * (1 / nB + 1 / nG));
      return nG >= 30 && looksAt(i) && z > 2.3263;
    };
  });
}

export const METHODS: readonly Method[] = [
  gate,
  mixture,
  betaBinomial,
  plugIn,
  union,
  asymptotic,
  zTest('z at every look', () => true),
  zTest('z once at 30 min', (i) => i === STEP_SEC / LOOK_SEC - 1),
];

function lnRatio(
  { n, errors }: { readonly n: number; readonly errors: number },
  p: number,
  p0: number,
): number {
  return errors * Math.log(p / p0) + (n - errors) * (Math.log1p(-p) - Math.log1p(-p0));
}

function lnBeta(a: number, b: number): number {
  return lnGamma(a) + lnGamma(b) - lnGamma(a + b);
}

/** Stirling's series, moved to where it is good to 12 digits. */
function lnGamma(x: number): number {
  if (x < 12) return lnGamma(x + 1) - Math.log(x);
  return (
    (x - 0.5) * Math.log(x) -
    x +
    0.5 * Math.log(2 * Math.PI) +
    1 / (12 * x) -
    1 / (360 * x ** 3) +
    1 / (1260 * x ** 5)
  );
}
