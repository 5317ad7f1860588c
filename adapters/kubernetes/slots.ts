import type { Rule } from './objects.js';
import { isPlaceholder, isService, liveRules, pinnedTo, type Frame } from './rules.js';

/** `alone`: the rule has no other backend, and nobody has marked this one. */
interface Slot {
  readonly rule: number;
  readonly backend: number;
  readonly alone?: boolean;
}

/** Where a deployment stands in a route: rules and entries by index, as proxies name their statistics. */
export interface Slots {
  readonly service: string;
  readonly live: readonly Slot[];
  readonly direct: readonly Slot[];
  readonly mirror: readonly { readonly rule: number; readonly filter: number }[];
}

export function slotsOf(rules: readonly Rule[], frame: Frame): Readonly<Record<string, Slots>> {
  const live = new Set(liveRules(rules, frame));
  return Object.fromEntries(
    frame.backends.map(({ deployment, service }) => {
      const refs = rules.flatMap((rule, index) =>
        (rule.backendRefs ?? []).flatMap((ref, backend, all) =>
          isService(ref, service, frame) && !isPlaceholder(all, backend)
            ? [{ rule: index, backend, ...(isAlone(rule) ? { alone: true } : {}) }]
            : [],
        ),
      );
      const mirror = rules.flatMap((rule, index) =>
        (rule.filters ?? []).flatMap((filter, at) =>
          filter.requestMirror !== undefined && isService(filter.requestMirror.backendRef, service, frame)
            ? [{ rule: index, filter: at }]
            : [],
        ),
      );
      return [
        deployment,
        {
          service,
          live: refs.filter((slot) => live.has(slot.rule)),
          direct: refs.filter(({ rule }) => pinnedTo(rules[rule] as Rule, frame) === deployment),
          mirror,
        },
      ];
    }),
  );
}

function isAlone({ backendRefs = [] }: Rule): boolean {
  return backendRefs.length === 1 && (backendRefs[0]?.filters ?? []).length === 0;
}
