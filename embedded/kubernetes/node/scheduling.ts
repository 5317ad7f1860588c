import type { V1Pod } from '@kubernetes/client-node';

/** What the one node has to give, as Kubernetes writes quantities. */
export const CAPACITY: Readonly<Record<string, string>> = { cpu: '16', memory: '32Gi', pods: '110' };

/**
 * Whether a pod fits beside those that run: the sum of requests, as the scheduler counts.
 *
 * @returns undefined when it fits; else the scheduler's words.
 */
export function whyUnschedulable(pod: V1Pod, running: readonly V1Pod[]): string | undefined {
  const wanted = requestsOf(pod);
  const lacking = Object.entries(wanted).filter(([resource, amount]) => {
    const used = running.reduce((sum, other) => sum + (requestsOf(other)[resource] ?? 0), 0);
    return used + amount > quantity(CAPACITY[resource] ?? '0');
  });
  const selector = Object.keys(pod.spec?.nodeSelector ?? {});
  if (selector.length > 0)
    return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
  if (lacking.length === 0) return undefined;
  return `0/1 nodes are available: ${lacking.map(([resource]) => `1 Insufficient ${resource}`).join(', ')}.`;
}

function requestsOf(pod: V1Pod): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { resources } of pod.spec?.containers ?? []) {
    // What is limited and not requested is requested at its limit.
    for (const [resource, amount] of Object.entries({ ...resources?.limits, ...resources?.requests })) {
      sums[resource] = (sums[resource] ?? 0) + quantity(amount);
    }
  }
  return sums;
}

const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** `500m`, `2`, `1Gi` as a number. */
function quantity(text: string): number {
  const [, digits = '0', unit = ''] = /^([0-9.]+)([a-zA-Z]*)$/.exec(text) ?? [];
  return Number(digits) * (FACTORS[unit] ?? 1);
}
