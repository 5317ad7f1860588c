/** Seeded random numbers: the same traffic on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  poisson(mean: number): number;
  binomial(n: number, p: number): number;
  exponential(mean: number): number;
  /** Number of trials up to and with the first success; mean `mean`, at least 1. */
  geometric(mean: number): number;
}

/** Below this mean, counting by inversion is exact and quick. */
const SMALL = 12;

export function random(seed: number): Random {
  const next = sfc32(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

  function poisson(mean: number): number {
    if (mean <= 0) return 0;
    if (mean < SMALL) {
      const least = Math.exp(-mean);
      let k = 0;
      for (let p = next(); p > least; p *= next()) k += 1;
      return k;
    }
    return transformedRejection(mean, next);
  }

  function binomial(n: number, p: number): number {
    if (p <= 0 || n <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - binomial(n, 1 - p);
    if (n * p > 1000) {
      const near = Math.round(n * p + Math.sqrt(n * p * (1 - p)) * normal());
      return Math.min(n, Math.max(0, near));
    }
    // Distances between successes are geometric.
    const lnFail = Math.log1p(-p);
    let hits = 0;
    for (let at = 0; ; hits++) {
      at += 1 + Math.floor(Math.log(1 - next()) / lnFail);
      if (at > n) return hits;
    }
  }

  return {
    next,
    poisson,
    binomial,
    exponential: (mean) => -mean * Math.log(1 - next()),
    geometric: (mean) => (mean <= 1 ? 1 : 1 + Math.floor(Math.log(1 - next()) / Math.log1p(-1 / mean))),
  };
}

/** Chris Doty-Humphrey's small fast counter generator. */
function sfc32(seed: number): () => number {
  let a = seed | 0;
  let b = 0x9e3779b9 | 0;
  let c = 0x243f6a88 | 0;
  let counter = 1;
  const step = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 15; i++) step();
  return step;
}

/** Hörmann 1993, PTRS: exact for any mean of 10 or more. */
function transformedRejection(mean: number, next: () => number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const vr = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = next() - 0.5;
    const v = 1 - next();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= vr) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (Math.log((v * inverseAlpha) / (a / (us * us) + b)) <= k * Math.log(mean) - mean - lnFactorial(k))
      return k;
  }
}

function lnFactorial(k: number): number {
  if (k < 2) return 0;
  if (k < 16) {
    let product = 1;
    for (let i = 2; i <= k; i++) product *= i;
    return Math.log(product);
  }
  const x = k + 1;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) - 1 / (360 * x ** 3);
}
