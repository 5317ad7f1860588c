import type { Traffic } from '../../core/traffic.js';
import type { Filter } from './objects.js';

type Copies = NonNullable<Filter['requestMirror']>;

/** Weights are whole. Shares that are not, as somebody's weights of 1 and 2 are, are written in hundredths of a percent. */
export function weightsOf({ live }: Traffic): (name: string) => number {
  const unit = Object.values(live).every(Number.isInteger) ? 1 : 100;
  return (name) => Math.round((live[name] ?? 0) * unit);
}

/** What shares of copies are read and written in, where they are no whole percent. */
const WHOLE = 1_000_000;

/** The percent of requests that is copied. */
export function copiedPercent({ percent, fraction }: Pick<Copies, 'percent' | 'fraction'>): number {
  if (percent !== undefined) return percent;
  // Neither means every request.
  if (fraction === undefined) return 100;
  return Math.round((fraction.numerator / (fraction.denominator ?? 100)) * WHOLE) / (WHOLE / 100);
}

/** As a filter says it. */
export function copiedShare(percent: number): Pick<Copies, 'percent' | 'fraction'> {
  if (percent === 100) return {};
  if (Number.isInteger(percent)) return { percent };
  return { fraction: { numerator: Math.round((percent / 100) * WHOLE), denominator: WHOLE } };
}
