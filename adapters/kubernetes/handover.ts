import type { Traffic } from '../../core/traffic.js';
import type { Rule } from './objects.js';
import { type Frame, isPlaceholder, liveRules, namesOf, withTraffic } from './rules.js';

/**
 * What a gateway needs to hear of before the shares themselves change.
 *
 * Envoy Gateway makes Envoy's cluster of a backend with its first weight, takes it away with its last, and tells Envoy of
 * routes and clusters apart: for some 10 ms routes lead to a cluster that is not there yet, or not any more, and requests
 * are answered with 500 (seen in nearly every such write under load, and in none between other weights). So a backend gets
 * a millionth of the requests before its share, and again after it, while clusters come and go.
 */
const WHOLE = 1_000_000;
const LEAST = 1;

/**
 * How long a gateway's proxies may take for new rules that their controller has taken. Going back waits less: some requests
 * of 10 ms weigh less than all of green's meanwhile.
 */
export const PROXIES_TAKE_MS = { forward: 2_000, back: 500 } as const;

/** The deployments that have no more than the least weight: a handover that has not ended. */
export function handedOver(rules: readonly Rule[], frame: Frame): readonly string[] {
  const found = new Set<string>();
  mapRefs(rules, frame, (refs, names) => {
    const total = totalOf(refs);
    for (const [i, ref] of refs.entries())
      if (ref.weight === LEAST && total >= WHOLE / 2) found.add(names[i] as string);
    return refs;
  });
  return [...found];
}

type Refs = NonNullable<Rule['backendRefs']>;

/** The rules as they are, but for the least weight at backends that are about to get a share; the same array for none. */
export function withFirstWeights(rules: readonly Rule[], frame: Frame, { live }: Traffic): readonly Rule[] {
  return mapRefs(rules, frame, (refs, names) => {
    const total = totalOf(refs);
    const begins = (ref: Refs[number], i: number) =>
      ref.weight === 0 && !isPlaceholder(refs, i) && (live[names[i] as string] ?? 0) > 0;
    // Without any share nothing is answered yet that could be lost.
    if (total === 0 || !refs.some(begins)) return refs;
    const scale = Math.max(1, Math.floor(WHOLE / total));
    return refs.map((ref, i) => ({ ...ref, weight: begins(ref, i) ? LEAST : (ref.weight ?? 1) * scale }));
  });
}

/** The rules with their new shares, but for the least weight at backends that lose theirs; the same array for none. */
export function withLastWeights(rules: readonly Rule[], frame: Frame, traffic: Traffic): readonly Rule[] {
  const ending = new Set<string>();
  mapRefs(rules, frame, (refs, names) => {
    for (const [i, ref] of refs.entries()) {
      const name = names[i] as string;
      if (ref.weight !== 0 && (traffic.live[name] ?? 0) === 0) ending.add(name);
    }
    return refs;
  });
  if (ending.size === 0) return rules;
  return mapRefs(withTraffic(rules, frame, traffic), frame, (refs, names) => {
    const scale = Math.floor(WHOLE / Math.max(1, totalOf(refs)));
    return refs.map((ref, i) => ({
      ...ref,
      weight: isPlaceholder(refs, i) ? 0 : ending.has(names[i] as string) ? LEAST : (ref.weight ?? 1) * scale,
    }));
  });
}

function totalOf(refs: Refs): number {
  return refs.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
}

function mapRefs(
  rules: readonly Rule[],
  frame: Frame,
  change: (refs: Refs, names: readonly string[]) => Refs,
): readonly Rule[] {
  const live = new Set(liveRules(rules, frame));
  let same = true;
  const changed = rules.map((rule, index) => {
    if (!live.has(index) || rule.backendRefs === undefined) return rule;
    const backendRefs = change(rule.backendRefs, namesOf(rule.backendRefs, frame));
    if (backendRefs === rule.backendRefs) return rule;
    same = false;
    return { ...rule, backendRefs };
  });
  return same ? rules : changed;
}
