import { durationText } from '../core/units.js';

/** `850ms`, `12s`, `1h30m`: whole seconds from one second on, as long waits are read. */
export function shortDuration(ms: number): string {
  if (ms < 1_000) return durationText(Math.max(0, Math.round(ms)));
  return durationText(Math.round(ms / 1_000) * 1_000);
}

/** `14:02:07`: when a line of a story was told, in this machine's time zone. */
export function clockTime(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}
