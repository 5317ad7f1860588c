const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/** `1h30m`, `45s`, `250ms`: milliseconds as a spec writes them. */
export function durationText(ms: number): string {
  if (ms <= 0) return '0s';
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** `850ms`, `12s`, `1h30m`: whole seconds from one second on, as long waits are read. */
export function shortDuration(ms: number): string {
  if (ms < 1_000) return durationText(Math.max(0, Math.round(ms)));
  return durationText(Math.round(ms / 1_000) * 1_000);
}

/** `2026-11-21 14:02:07 UTC`. */
export function instantText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `1 gate`, `2 gates`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
