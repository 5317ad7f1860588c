import type { ArmLook, Look, MachineConfig, MetricConfig } from '../../../core/gates/index.js';

/** A small seeded generator: the same stream on every machine. */
export function random(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function poisson(next: () => number, mean: number): number {
  let k = 0;
  let left = mean;
  while (left > 30) {
    k += poisson(next, 15);
    left -= 15;
  }
  const least = Math.exp(-left);
  let p = next();
  while (p > least) {
    k += 1;
    p *= next();
  }
  return k;
}

export const GUARD: MetricConfig = {
  name: 'crash-guard',
  source: 'errors',
  r: 0,
  delta: 0.5,
  weight: 0.16,
  blipSec: 10,
  plannedBlocks: 180,
  duringWarmup: true,
  passRole: false,
};

export function errorsMetric(over: Partial<MetricConfig> = {}): MetricConfig {
  return {
    name: 'errors',
    source: 'errors',
    r: 1,
    delta: 0.005,
    weight: 1,
    blipSec: 10,
    plannedBlocks: 180,
    ...over,
  };
}

export function config(metrics: readonly MetricConfig[], over: Partial<MachineConfig> = {}): MachineConfig {
  return {
    alpha: 0.01,
    alphaPass: 0.05,
    warmupSec: 0,
    minDurationSec: 0,
    deadlineSec: 1800,
    edgesMs: [],
    dispersion: { mode: 'fixed', phi: 1 },
    metrics,
    ...over,
  };
}

export function arm(n: number, errors = 0, le: readonly number[] = []): ArmLook {
  return { n, errors, le };
}

/** A look of 5 s with errors only. */
export function look(blue: [errors: number, n: number], green: [errors: number, n: number], dtSec = 5): Look {
  return {
    dtSec,
    blue: arm(blue[1], blue[0]),
    green: arm(green[1], green[0]),
    status: { blue: 'ok', green: 'ok' },
  };
}

/** Errors as independent requests have them. */
export function errorLooks(
  seed: number,
  looks: number,
  rate: { blue: number; green: number },
  perLook: { blue: number; green: number },
  dtSec = 5,
): Look[] {
  const next = random(seed);
  const counts = (rps: number, p: number): [number, number] => {
    const bad = poisson(next, rps * p);
    return [bad, bad + poisson(next, rps * (1 - p))];
  };
  return Array.from({ length: looks }, () =>
    look(counts(perLook.blue, rate.blue), counts(perLook.green, rate.green), dtSec),
  );
}
