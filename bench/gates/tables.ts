import type { Outcome } from './rules.js';

/** What one rule did with all runs of one scenario at one traffic. */
export interface Cell {
  readonly rolledBack: number;
  readonly promoted: number;
  readonly runs: number;
  /** Seconds to the rollback and to the promotion, ascending. */
  readonly rollbackSec: readonly number[];
  readonly promoteSec: readonly number[];
}

export function cellOf(outcomes: readonly Outcome[]): Cell {
  const times = (end: Outcome['end']) =>
    outcomes
      .filter((outcome) => outcome.end === end)
      .map(({ atSec }) => atSec)
      .sort((a, b) => a - b);
  const rollbackSec = times('rolled back');
  const promoteSec = times('promoted');
  return {
    rolledBack: rollbackSec.length,
    promoted: promoteSec.length,
    runs: outcomes.length,
    rollbackSec,
    promoteSec,
  };
}

export function quantile(sorted: readonly number[], q: number): number | null {
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;
}

export function percentOf(part: number, whole: number): string {
  const share = whole === 0 ? 0 : (100 * part) / whole;
  return share === 0 || share === 100 ? String(share) : share.toFixed(1);
}

/** False rollback %, promoted %, median seconds to promote. */
export function healthyText(cell: Cell): string {
  const median = quantile(cell.promoteSec, 0.5);
  return `${percentOf(cell.rolledBack, cell.runs)} · ${percentOf(cell.promoted, cell.runs)}${median === null ? '' : ` (${median})`}`;
}

/** Rolled back %, median and 95% seconds; promoted %, which is a miss. */
export function regressionText(cell: Cell): string {
  const median = quantile(cell.rollbackSec, 0.5);
  const late = quantile(cell.rollbackSec, 0.95);
  const times = median === null ? '' : ` (${median}/${late})`;
  return `${percentOf(cell.rolledBack, cell.runs)}${times} · ${percentOf(cell.promoted, cell.runs)}`;
}

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
