import type { Tally } from './ledger.js';

/**
 * The edges that every series of a classic histogram has, ascending, in units of the metric times `scale`.
 *
 * Instances may have been given other buckets than the rest: only what all of them count can be summed.
 */
export function commonEdges(buckets: readonly Tally[], scale: number): readonly number[] {
  const groups = new Map<string, Set<number>>();
  for (const { labels } of buckets) {
    const edge = edgeOf(labels, scale);
    if (edge === undefined || edge === Infinity) continue;
    const group = groupOf(labels);
    const edges = groups.get(group) ?? new Set<number>();
    groups.set(group, edges.add(edge));
  }
  const [first, ...rest] = [...groups.values()];
  return [...(first ?? [])]
    .filter((edge) => edge > 0 && rest.every((edges) => edges.has(edge)))
    .sort((a, b) => a - b);
}

/**
 * Counts at the given edges, `+Inf` last; null where an edge, or `+Inf`, has no series.
 *
 * @param scale - 1000 where the metric is in seconds and the edges are in milliseconds.
 */
export function sumBuckets(
  buckets: readonly Tally[],
  edges: readonly number[],
  scale: number,
): readonly number[] | null {
  const sums = new Map<number, number>();
  for (const { labels, total } of buckets) {
    const edge = edgeOf(labels, scale);
    if (edge !== undefined) sums.set(edge, (sums.get(edge) ?? 0) + total);
  }
  const le = [...edges, Infinity].map((edge) => sums.get(edge));
  return le.every((count) => count !== undefined) ? le : null;
}

function edgeOf(labels: Tally['labels'], scale: number): number | undefined {
  const text = labels['le'];
  if (text === undefined) return undefined;
  if (text === '+Inf' || text === 'Inf') return Infinity;
  const edge = Number(text);
  // 0.1 s times 1000 is not quite 100.
  return Number.isFinite(edge) ? Number((edge * scale).toPrecision(12)) : undefined;
}

function groupOf({ le: _, ...labels }: Tally['labels']): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
