/** A time, or a duration, as Temporal's API writes it: milliseconds; 0 where there is none. */
export function msOf(
  time: { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined,
): number {
  return Number(time?.seconds ?? 0) * 1_000 + Math.round((time?.nanos ?? 0) / 1e6);
}
