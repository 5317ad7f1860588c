import type { Look, LookResult, MachineConfig, MetricConfig } from '../../../core/gates/index.js';

/**
 * gates.md 2 and 9 written down once more, as plainly as possible and in another shape than the product (objects that
 * change, sums kept as the text says): what the product is compared with.
 */
const BREACH: [number, number][] = [
  [1 / 64, 0.02],
  [1 / 32, 0.03],
  [1 / 16, 0.05],
  [1 / 8, 0.08],
  [1 / 4, 0.12],
  [1 / 2, 0.15],
  [1, 0.15],
  [2, 0.13],
  [3, 0.1],
  [4, 0.09],
  [6, 0.08],
];
const PASS: [number, number][] = [
  [-1 / 64, 0.02],
  [-1 / 32, 0.03],
  [-1 / 16, 0.05],
  [-1 / 8, 0.08],
  [-1 / 4, 0.1],
  [-1 / 2, 0.12],
  [-1, 0.15],
  [-2, 0.2],
  [-4, 0.25],
];

const lse = (values: number[]): number => {
  const m = Math.max(...values);
  return m === -Infinity ? m : m + Math.log(values.reduce((s, v) => s + Math.exp(v - m), 0));
};

type Four = [xB: number, nB: number, xG: number, nG: number];

function terms([xB, nB, xG, nG]: Four, r: number, h: number): [number, number] {
  const D = nB + r * Math.exp(h) * nG;
  if (D === 0) return [0, 0];
  const lnb = Math.log1p((-r * Math.expm1(h) * nG) / D);
  return [xG * h + (xG + xB) * lnb, (nG * Math.expm1(h) * nB) / D];
}

/** E[min(phi Z^2, 16)], by Simpson's rule up to where it is cut. */
function cappedMean(phi: number): number {
  const cut = 4 / Math.sqrt(phi);
  const density = (z: number) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  let [square, inside] = [0, 0];
  for (let i = 0; i <= 4000; i++) {
    const z = (cut * i) / 4000;
    const w = (i === 0 || i === 4000 ? 1 : i % 2 === 1 ? 4 : 2) * (cut / 12_000) * density(z);
    square += w * z * z;
    inside += w;
  }
  return 2 * phi * square + 16 * (1 - 2 * inside);
}

const CAPPED = Array.from({ length: 57 }, (_, i) => [1.05 ** i, cappedMean(1.05 ** i)] as const);

function uncapped(mean: number): number {
  if (mean <= CAPPED[0]![1]) return mean;
  const i = CAPPED.findIndex(([, m]) => m >= mean);
  if (i < 0) return 16;
  const [[p0, m0], [p1, m1]] = [CAPPED[i - 1]!, CAPPED[i]!];
  return p0 + ((p1 - p0) * (mean - m0)) / (m1 - m0);
}

class Dispersion {
  XB = 0;
  NB = 0;
  XG = 0;
  NG = 0;
  d = 0;
  v = 0;
  D = 0;
  m = 0;
  readonly c: MachineConfig['dispersion'];
  constructor(c: MachineConfig['dispersion']) {
    this.c = c;
  }
  phi(): number {
    if (this.c.mode === 'fixed') return this.c.phi;
    const nu0 = this.c.nu0 ?? 4;
    const D = this.c.by === 'larger' && this.m > 0 ? this.m * uncapped(this.D / this.m) : this.D;
    return Math.min(16, Math.max(1, (nu0 * (this.c.phi0 ?? 1) + D) / (nu0 + this.m)));
  }
  phiPass(): number {
    return this.c.mode === 'fixed'
      ? this.c.phi
      : this.phi() * (1 + 0.5 * Math.sqrt(2 / ((this.c.nu0 ?? 4) + this.m)));
  }
  add([xB, nB, xG, nG]: Four, r: number): void {
    let close = false;
    if (this.NG > 0 && (r === 0 || this.NB > 0)) {
      let th = (this.XG + 0.5) / (this.NG + 1);
      let tot = nG;
      let pv = 1 / (this.XG + 0.5);
      if (r > 0) {
        const q = th / ((this.XB + 0.5) / (this.NB + 1));
        th = q * nG + nB > 0 ? (q * nG) / (q * nG + nB) : 0;
        tot = xG + xB;
        pv += 1 / (this.XB + 0.5);
      }
      this.d += xG - tot * th;
      this.v += tot * th * (1 - th);
      if (this.v >= 2) {
        this.D += Math.min(this.d ** 2 / (this.v + this.v ** 2 * pv), 16);
        this.m += 1;
        this.d = this.v = 0;
        close = true;
      }
    }
    const f = close ? 0.85 : 1;
    this.XB = (this.XB + xB) * f;
    this.NB = (this.NB + nB) * f;
    this.XG = (this.XG + xG) * f;
    this.NG = (this.NG + nG) * f;
  }
}

class Metric {
  lnR = BREACH.map(() => -Infinity);
  l = BREACH.map(() => 0);
  lB = BREACH.map(() => 0);
  blocks = 0;
  /** Start weight of each block so far, in the order in which they began. */
  started: number[] = [];
  stepStarts = 0;
  stepBegan = false;
  open = false;
  time = 0;
  shared = false;
  passed: { counts: Four; phi: number }[] = [];
  readonly green: Dispersion;
  readonly blue: Dispersion;
  readonly c: MachineConfig;
  readonly m: MetricConfig;
  constructor(c: MachineConfig, m: MetricConfig) {
    this.c = c;
    this.m = m;
    this.green = new Dispersion(m.dispersion ?? c.dispersion);
    this.blue = new Dispersion(m.dispersion ?? c.dispersion);
  }
  /** Start weight of the block that begins now. */
  pi(): number {
    const B = this.m.plannedBlocks;
    const s = this.m.starts ?? { first: 1 / 2, step: 0, steps: 0 };
    const beyond = s.beyond ?? 0;
    if (this.blocks === 1) return B === 1 ? 1 - beyond : s.first;
    if (B > 1 && this.stepBegan && this.stepStarts < s.steps) {
      this.stepStarts += 1;
      return s.step;
    }
    const n = this.blocks - this.stepStarts;
    return n <= B ? (1 - s.first - s.step * s.steps - beyond) / (B - 1) : (beyond * B) / (n * (n - 1));
  }
  weight(i: number): number {
    return this.m.breachBets?.[i] ?? BREACH[i]![1];
  }
  counted(i: number): number {
    return Math.min(this.l[i]!, this.shared ? 0 : this.cap());
  }
  cap(): number {
    const cap = 0.5 * Math.log((1 / this.c.alpha - 1) / (this.m.starts?.first ?? 0.5));
    if (!this.m.thirdBlockDecides) return cap;
    const wanted = Math.log(1 / this.c.alpha) + Math.min(Math.log(1 / this.m.weight), cap / 2);
    const inPlay = lse(BREACH.map((_, i) => Math.log(this.weight(i)) + this.lnR[i]!));
    return Math.max(cap, wanted - inPlay - 1.7 * cap);
  }
  close(): void {
    if (!this.open) return;
    this.lnR = this.lnR.map((v, i) => v + this.counted(i));
    this.l = BREACH.map(() => 0);
    this.open = false;
    this.time = 0;
  }
  newStep(): void {
    this.close();
    this.stepBegan = this.blocks > 0 && this.m.starts !== undefined;
    this.passed = [];
  }
  lnM(): number {
    const rest = 1 - this.started.reduce((sum, pi) => sum + pi, 0);
    const unspent = rest < 1e-12 ? -Infinity : Math.log(rest);
    return lse([...BREACH.map((_, i) => Math.log(this.weight(i)) + this.lnR[i]! + this.counted(i)), unspent]);
  }
  lnE(counts: Four, h: number, delta: number): number {
    if (this.m.r === 0) return counts[2] * h - counts[3] * Math.log1p(delta * Math.expm1(h));
    const [A, C] = terms(counts, this.m.r, h);
    return A - delta * C;
  }
  factors(): { phi: number; phiPass: number } {
    const arms =
      this.green.c.mode === 'auto' && this.green.c.by === 'larger' ? [this.green, this.blue] : [this.green];
    return {
      phi: Math.max(...arms.map((arm) => arm.phi())),
      phiPass: Math.max(...arms.map((arm) => arm.phiPass())),
    };
  }
  look(dt: number, breach: Four, pass: Four): number {
    const { phi, phiPass } = this.factors();
    const phiBlue = this.blue.phi();
    this.passed.push({ counts: pass, phi: phiPass });
    this.green.add(breach, this.m.r);
    this.blue.add([0, 0, breach[0], breach[1]], 0);
    if (!this.open) {
      this.open = true;
      this.blocks += 1;
      const pi = this.pi();
      this.started.push(pi);
      this.stepBegan = false;
      this.lnR = this.lnR.map((v) => lse([v, Math.log(pi)]));
      this.lB = this.lB.map((v) => 0.8 * Math.min(Math.max(v, 0), Math.log(1 / this.c.alpha)));
    }
    BREACH.forEach(([h], i) => (this.l[i]! += this.lnE(breach, h, this.m.delta) / phi));
    if (this.m.r === 0 && this.m.shared !== 'strict') {
      BREACH.forEach(
        ([h], i) =>
          (this.lB[i]! += (breach[0] * h - breach[1] * Math.log1p(this.m.delta * Math.expm1(h))) / phiBlue),
      );
      this.shared = lse(BREACH.map(([, w], i) => Math.log(w) + this.lB[i]!)) >= Math.log(2);
    }
    this.time += dt;
    const value = this.lnM();
    if (this.time >= this.m.blipSec) this.close();
    return value;
  }
  /** A look of warm-up: the baseline shows its clusters. */
  warm([xB, nB]: Four): void {
    const { c } = this.blue;
    if (c.mode === 'auto' && c.by === 'larger') this.blue.add([0, 0, xB, nB], 0);
  }
  /** The mixture recomputed from every look of the step: no sums kept. */
  mixture(grid: [number, number][], delta: number): number {
    return lse(
      grid.map(([h, w]) =>
        this.passed.reduce((s, p) => s + this.lnE(p.counts, h, delta) / p.phi, Math.log(w)),
      ),
    );
  }
  cross(grid: [number, number][], rising: boolean): number {
    const t = Math.log(1 / this.c.alphaPass);
    let a = -this.m.r;
    let b = 1;
    const reached = (d: number) => this.mixture(grid, d) >= t === rising;
    if (reached(a)) return a;
    if (!reached(b)) return b;
    for (let i = 0; i < 100; i++) {
      const mid = (a + b) / 2;
      if (reached(mid)) b = mid;
      else a = mid;
    }
    return b;
  }
}

/** The looks through the gates, as plainly as can be; without bounds unless asked, since they are slow here. */
export function reference(config: MachineConfig, looks: readonly Look[], withBounds = false): LookResult[] {
  const metrics = config.metrics.map((m) => new Metric(config, m));
  let elapsed = 0;
  let final: [LookResult['decision'], string | null] | null = null;
  return looks.map((k): LookResult => {
    if (k.newStep) {
      metrics.forEach((m) => m.newStep());
      elapsed = 0;
      final = null;
    }
    const warm = elapsed < config.warmupSec;
    elapsed += k.dtSec;
    const four = (m: MetricConfig, e?: { blue: number; green: number }): Four | null => {
      const arm = (name: 'blue' | 'green'): [number, number] | null => {
        if (k.status[name] !== 'ok') return null;
        if (m.source === 'errors') return [k[name].errors, k[name].n];
        const total = k[name].le.at(-1)!;
        return [total - k[name].le[e![name]]!, total];
      };
      const green = arm('green');
      const blue = arm('blue') ?? (m.r === 0 ? [0, 0] : null);
      return green && blue ? [...(blue as [number, number]), ...green] : null;
    };
    const values = metrics.map((m) => {
      const breach = four(m.m, m.m.breachEdge);
      const pass = four(m.m, m.m.passEdge);
      if ((!warm || m.m.duringWarmup) && breach && pass) return m.look(k.dtSec, breach, pass);
      if (warm && !m.m.duringWarmup && breach && pass) m.warm(breach);
      return m.lnM();
    });
    const parts = values.map((v, i) => Math.log(config.metrics[i]!.weight) + v);
    const total = lse(parts);
    const lnPass = metrics.map((m) => m.mixture(PASS, m.m.delta));
    const bar = Math.log(1 / config.alpha);
    let now: [LookResult['decision'], string | null] = ['continue', null];
    if (total >= bar) now = ['breach', config.metrics[parts.indexOf(Math.max(...parts))]!.name];
    else if (
      elapsed >= config.minDurationSec &&
      total < bar / 2 &&
      metrics.every((m, i) => m.m.passRole === false || lnPass[i]! >= Math.log(1 / config.alphaPass))
    ) {
      now = ['pass', null];
    } else if (elapsed >= config.deadlineSec) now = ['inconclusive', null];
    final ??= now[0] === 'continue' ? null : now;
    const [decision, reason] = final ?? now;
    return {
      elapsedSec: elapsed,
      decision,
      reason,
      lnTotal: total,
      metrics: Object.fromEntries(
        metrics.map((m, i) => [
          m.m.name,
          {
            lnBreach: values[i]!,
            lnPass: lnPass[i]!,
            lower: withBounds ? m.cross(BREACH, false) : null,
            upper: withBounds ? m.cross(PASS, true) : null,
            phiNext: m.factors().phi,
            phiPassNext: m.factors().phiPass,
            shared: m.shared,
          },
        ]),
      ),
    };
  });
}
