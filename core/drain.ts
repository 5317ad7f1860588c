import type { MetricsSnapshot } from './metrics.js';

/** How long requests in flight on green may take after a rollback has taken its traffic. */
export const ROLLBACK_DRAIN_MS = 30_000;

/** A proxy that takes new shares by itself has them by then. */
export const SHARES_TAKEN_MS = 2_000;

/**
 * Whether the last request of a deployment without shares is answered, as far as a reading can tell.
 *
 * - A source that knows nothing of the deployment saw no request of it: drained.
 * - A source that cannot tell how many are under way (`active: null`) never says so: how long a model may take for an
 *   answer is known to nobody, and neither is whether its server lets it finish once it is deleted.
 * - A source that gathers (`cadence`) may tell of a time when the deployment still had its share: its data must be newer.
 *
 * @param sinceMs - when the shares were read back as 0, milliseconds since the epoch.
 */
export function isDrained(snapshot: MetricsSnapshot, deployment: string, sinceMs: number): boolean {
  const counters = Object.values(snapshot.deployments[deployment] ?? {});
  if (counters.length === 0) return true;
  const gathered = snapshot.cadence !== undefined;
  if (gathered && snapshot.atMs - snapshot.ageMs < sinceMs + SHARES_TAKEN_MS) return false;
  return counters.every(({ active }) => active === 0);
}
