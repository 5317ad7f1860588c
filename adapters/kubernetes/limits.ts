import type { Backend } from './router.js';

/** What is known of how long a rule that carries live traffic may let a request take. */
export interface RuleLimits {
  /** As the rule stands; undefined: it says nothing. */
  readonly rule: string | undefined;
  /** What the rule for a deployment's header says; undefined where there is no such rule. */
  readonly pin: (backend: Backend) => { readonly limit: string | undefined } | undefined;
  /** What a rule that says nothing is taken for, milliseconds. */
  readonly unsaidMs: number;
  /** As this kind of route writes it. */
  readonly text: (ms: number) => string;
}

/**
 * How long a rule waits: as the most patient of the deployments that it leads to.
 *
 * One that says nothing was not made by Greenlight: its limit is what its team wrote into the rule. Where the limit of a
 * deployment stands there by now, the rule for the header has it still, since it was made from the other before.
 * So nobody's requests are cut short by the version that comes, and not after that has gone.
 *
 * @param known - all deployments of the route.
 * @param serving - those that this rule leads to.
 * @returns undefined: the rule is to say nothing.
 */
export function limitOfRule(
  known: readonly Backend[],
  serving: readonly Backend[],
  { rule, pin, unsaidMs, text }: RuleLimits,
): string | undefined {
  const ms = (limit: string | undefined) => (limit === undefined ? unsaidMs : limitMs(limit));
  const ofTeam = !known.some(({ timeoutMs }) => timeoutMs !== undefined && timeoutMs === ms(rule));
  const limits = serving.map((backend) => {
    if (backend.timeoutMs !== undefined) return text(backend.timeoutMs);
    const pinned = ofTeam ? undefined : pin(backend);
    return pinned === undefined ? rule : pinned.limit;
  });
  return limits.length === 0 ? rule : limits.reduce((most, limit) => (ms(limit) > ms(most) ? limit : most));
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Of `1m30s`, `0.5s`, `500ms`; nothing at all is no limit, to Istio and to the Gateway API. */
function limitMs(limit: string): number {
  const parts = [...limit.matchAll(/([\d.]+)(h|ms|m|s)/g)];
  const ms = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNIT_MS[unit] ?? 0), 0);
  return ms === 0 ? Infinity : ms;
}
