/**
 * A duration as ARM writes it, ISO 8601 in hours, minutes and seconds: 90,500 → `PT1M30.5S`.
 *
 * @param ms - whole milliseconds, 0 or more.
 */
export function isoDuration(ms: number): string {
  if (!Number.isInteger(ms) || ms < 0) {
    throw new RangeError(`a duration must be whole milliseconds of at least 0, got ${ms}`);
  }
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = (ms % 60_000) / 1_000;
  const text = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${seconds ? `${seconds}S` : ''}`;
  return `PT${text || '0S'}`;
}
