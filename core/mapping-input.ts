import { plausible, type MappingInput } from './gates/index.js';
import { ENOUGH_REQUESTS, type Counters, type MetricsSnapshot } from './metrics.js';
import type { WatchInput } from './watch.js';

/** What gates are made from: the step, and what is known of the baseline when the snapshot was taken. */
export function mappingInput(input: WatchInput, snapshot: MetricsSnapshot): MappingInput {
  return {
    gates: input.gates,
    watching: input.watching,
    plannedMs: input.plannedMs,
    ...(input.plannedSteps !== undefined && { plannedSteps: input.plannedSteps }),
    plannedRequests: plannedRequests(input, snapshot),
    edgesMs: snapshot.edgesMs,
    baseline: baselineBefore(input, snapshot),
    own: ownNow(input, snapshot),
    ...(input.carriedDispersion === undefined ? {} : { carried: input.carriedDispersion }),
  };
}

/** Requests that the endpoint will have had when all planned time is over, if they come as they did since preflight. */
function plannedRequests({ baseline, before, plannedMs }: WatchInput, now: MetricsSnapshot): number | null {
  const [from, to] = [before, now].map((read) => usable(read?.deployments[baseline]?.live)?.requests);
  if (before === null || from === undefined || to === undefined || now.atMs <= before.atMs) return null;
  if (before.sinceMs !== now.sinceMs || to < from) return null;
  return ((to - from) / (now.atMs - before.atMs)) * plannedMs;
}

/** The user's own metrics as their source has them now. */
function ownNow(input: WatchInput, { own }: MetricsSnapshot): NonNullable<MappingInput['own']> {
  return Object.fromEntries(
    Object.entries(own?.metrics ?? {}).map(([gate, { edges, deployments }]) => [
      gate,
      { edges, baseline: deployments[input.baseline] ?? null },
    ]),
  );
}

/** What the baseline did until the gates start: relative latency gates freeze their edges by it. */
function baselineBefore(
  input: WatchInput,
  snapshot: MetricsSnapshot,
): Pick<Counters, 'requests' | 'errors' | 'le'> | null {
  const now = usable(snapshot.deployments[input.baseline]?.live);
  if (now === undefined) return null;
  const then = usable(input.before?.deployments[input.baseline]?.live);
  const requests = now.requests - (then?.requests ?? 0);
  const comparable = input.before?.sinceMs === snapshot.sinceMs && then?.le.length === now.le.length;
  // What came since preflight, once it says how the baseline is; before, all that the source knows.
  if (then === undefined || requests < ENOUGH_REQUESTS || !comparable) return now;
  const errors = now.errors - then.errors;
  const le = now.le.map((count, i) => count - (then.le[i] ?? 0));
  // Or the source began anew in between, and these are no counts.
  return plausible({ n: requests, errors, le }) ? { requests, errors, le } : now;
}

/** Counters that cannot be true are none. */
function usable(counters: Counters | undefined): Counters | undefined {
  return counters && plausible({ ...counters, n: counters.requests }) ? counters : undefined;
}
