const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** Milliseconds as a spec writes durations: `1h30m`; what is no whole second as `250ms`. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  if (ms % 1000 !== 0) return latencyText(ms);
  let rest = ms;
  return UNITS.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? '' : `${count}${unit}`;
  }).join('');
}

/** Milliseconds as a spec writes latencies: `250ms`, `1.5s`. */
export function latencyText(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}

/** A fraction of 1 in percent: `0.5%`. */
export function percentText(fraction: number): string {
  return `${hundredfold(fraction)}%`;
}

/** A fraction of 1 in percentage points: `0.5pp`. */
export function pointsText(fraction: number): string {
  return `${hundredfold(fraction)}pp`;
}

/** A factor as the percent that it adds: 1.1 is `10%`. */
export function addedText(ratio: number): string {
  return percentText(ratio - 1);
}

/** A fraction of 1 as a quantile: `p99.9`. */
export function quantileText(fraction: number): string {
  return `p${hundredfold(fraction)}`;
}

function hundredfold(fraction: number): number {
  return Number((fraction * 100).toFixed(9));
}
