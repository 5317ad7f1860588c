import { loadavg } from 'node:os';
import { columns } from '../../cli/output.js';

/** One figure of a bench, with what it must reach where that is said. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly want?: { readonly atLeast: number } | { readonly atMost: number };
}

export interface BenchResult {
  readonly bench: string;
  readonly figures: readonly Figure[];
  /** What does not fit into single figures: a head, and rows of as many cells. */
  readonly table?: readonly (readonly string[])[];
  /** What a reader must know to repeat or to read it. */
  readonly notes: readonly string[];
}

/** Prints a result as a table, or as JSON with `--output json`. */
export function tell({ bench, figures, table = [], notes }: BenchResult, json: boolean): void {
  const load = loadavg().map((value) => Number(value.toFixed(2)));
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ bench, node: process.version, load, figures, table, notes }, null, 2)}\n`,
    );
    return;
  }
  const rows = figures.map((figure) => [
    figure.name,
    `${numberText(figure.value)} ${figure.unit}`.trim(),
    wanted(figure),
  ]);
  process.stdout.write(
    [
      ...columns([[bench.toUpperCase(), 'VALUE', 'WANTED'], ...rows]),
      '',
      ...(table.length === 0 ? [] : [...columns(table), '']),
      ...notes,
      `load of the machine: ${load.join(' ')}`,
      '',
    ].join('\n'),
  );
}

function wanted({ value, want }: Figure): string {
  if (want === undefined) return '';
  const [text, met] =
    'atLeast' in want
      ? [`≥ ${want.atLeast}`, value >= want.atLeast]
      : [`≤ ${want.atMost}`, value <= want.atMost];
  return `${text} ${met ? '✓' : '✗'}`;
}

function numberText(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** @param sorted - ascending, not empty. */
export function quantileOf(sorted: ArrayLike<number>, q: number): number {
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1));
  return sorted[index] ?? NaN;
}

export function median(values: readonly number[]): number {
  return quantileOf(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** @throws {RangeError} with the option's name. */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`${option} must be a whole number above 0, got "${text}"`);
}
