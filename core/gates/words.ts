/** Numbers as people read them. */

// Made once: a formatter costs more than all that a look counts.
const EXACT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 12 });
const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

function trimmed(value: number, digits: number): string {
  return EXACT.format(Number(value.toPrecision(digits)));
}

/** Three digits, and two of what is very small. */
function hundredths(share: number): string {
  return trimmed(share * 100, Math.abs(share) < 1e-4 ? 2 : 3);
}

/** 0.00512 → `0.512%` */
export function percent(share: number): string {
  return `${hundredths(share)}%`;
}

/** 0.005 → `0.5 pp` */
export function points(share: number): string {
  return `${hundredths(share)} pp`;
}

/** A value of a metric whose unit nobody told: 1200 → `1,200` */
export function plain(value: number): string {
  return trimmed(value, 3);
}

/** `250 ms`, `1.5 s` */
export function ms(value: number): string {
  return value >= 1000 ? `${trimmed(value / 1000, 3)} s` : `${trimmed(value, 3)} ms`;
}

export function factor(value: number): string {
  return trimmed(value, 3);
}

/** 3690 → `3,690` */
export function count(value: number): string {
  return WHOLE.format(Math.round(value));
}

/** 11 of 3690 → `11 of 3,690 (0.298%)` */
export function badOf({ bad, requests }: { readonly bad: number; readonly requests: number }): string {
  const share = requests === 0 ? '' : ` (${percent(bad / requests)})`;
  return `${bad.toLocaleString('en-US')} of ${requests.toLocaleString('en-US')}${share}`;
}

/** 0.95 → `p95`, 0.999 → `p99.9` */
export function quantileName(quantile: number): string {
  return `p${trimmed(quantile * 100, 5)}`;
}

/**
 * `e ^ ln` rounded down to one digit, as in "once in 10,000": a bound must not be made better by rounding.
 */
export function oneIn(ln: number): string {
  if (ln > Math.log(1e9)) return '1,000,000,000';
  const value = Math.exp(ln) * (1 + 1e-12);
  const unit = 10 ** Math.floor(Math.log10(value));
  return count(Math.max(1, Math.floor(value / unit) * unit));
}

/** 95 → `95 s`, 600 → `10 min`, 10080 → `2.8 h` */
export function seconds(value: number): string {
  if (value < 120) return `${trimmed(value, 3)} s`;
  return value < 7200 ? `${trimmed(value / 60, 2)} min` : `${trimmed(value / 3600, 2)} h`;
}

/** Requests a second: 4.2 → `4.2/s` */
export function perSecond(rate: number): string {
  return `${trimmed(rate, 2)}/s`;
}
