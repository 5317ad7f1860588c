import { z } from 'zod';
import type { PairCounts } from '../../core/metrics.js';
import { ArmClient, type ArmSettings } from '../azureml/arm-client.js';

const Count = z.number().int().min(0);
const Halves = z.object({ requests: Count, errors: Count });

const PairSeries = z.object({
  sinceMs: Count,
  pairs: z.array(
    z.object({
      endpoint: z.string(),
      /** null: the live half was lost. */
      live: z.string().nullable(),
      mirror: z.string(),
      ...{ n00: Count, n01: Count, n10: Count, n11: Count },
      ...{ blue: Halves, green: Halves },
    }),
  ),
});

/** What the endpoint host's gateway has seen of mirrored requests, of all endpoints of a workspace. */
export type PairSeries = z.infer<typeof PairSeries>;

/** Readings wait for it: a host that hangs must not hold up what Envoy knows. */
const DEADLINE_MS = 1_000;

/**
 * Reads the endpoint host's pairs.
 *
 * @param settings - where the host is now; the same object is the same host.
 * @returns a function that throws when the host does not answer; Envoy goes on counting without it.
 */
export function hostPairs(settings: () => Promise<ArmSettings>): () => Promise<PairSeries> {
  let known: { readonly settings: ArmSettings; readonly client: ArmClient } | undefined;
  return async () => {
    const now = await settings();
    if (known?.settings !== now)
      known = { settings: now, client: new ArmClient({ ...now, deadlineMs: DEADLINE_MS }) };
    return known.client.read(PairSeries, {
      what: 'read the pairs of mirrored requests',
      method: 'GET',
      at: '/mirroredPairs',
      accept: [200],
    });
  };
}

/**
 * The pairs of each mirrored deployment with the others that are asked for: all zero before the first one.
 *
 * @param deployments - a rollout's baseline and the deployment it compares with it.
 */
export function pairsOf(
  { sinceMs, pairs }: PairSeries,
  endpoint: string,
  deployments: readonly string[],
): Record<string, PairCounts> {
  const lower = (name: string) => name.toLowerCase();
  return Object.fromEntries(
    deployments.map((mirror) => {
      const others = deployments.filter((name) => name !== mirror).map(lower);
      const own = pairs.filter(
        (each) =>
          lower(each.endpoint) === lower(endpoint) &&
          lower(each.mirror) === lower(mirror) &&
          (each.live === null || others.includes(lower(each.live))),
      );
      const sum = (pick: (each: (typeof own)[number]) => number) =>
        own.reduce((total, each) => total + pick(each), 0);
      const halves = (arm: 'blue' | 'green') => ({
        requests: sum((each) => each[arm].requests),
        errors: sum((each) => each[arm].errors),
      });
      const counts: PairCounts = {
        sinceMs,
        n00: sum(({ n00 }) => n00),
        n01: sum(({ n01 }) => n01),
        n10: sum(({ n10 }) => n10),
        n11: sum(({ n11 }) => n11),
        blue: halves('blue'),
        green: halves('green'),
      };
      return [mirror, counts];
    }),
  );
}
