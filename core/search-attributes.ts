import { type Target, targetName } from './plan.js';

/**
 * Search attributes of a rollout, by name and Temporal type. `greenlight up` registers them; the workflow fills them.
 *
 * They are never encrypted: nothing secret belongs in them.
 */
export const SEARCH_ATTRIBUTES = {
  /** The endpoint's name. */
  RolloutEndpoint: 'KEYWORD',
  /** `targetName(target)` of core/plan.ts. */
  RolloutTarget: 'KEYWORD',
  RolloutPhase: 'KEYWORD',
  RolloutOutcome: 'KEYWORD',
  /** Green's share of live traffic, whole percent. */
  RolloutGreenShare: 'INT',
} as const;

/** A query of all of them: a namespace that does not know one refuses it, as it would a rollout. */
export const USES_SEARCH_ATTRIBUTES = Object.keys(SEARCH_ATTRIBUTES)
  .map((name) => `${name} IS NULL`)
  .join(' AND ');

/** What a rollout's search attributes are before it has begun, for whoever starts it. */
export function attributesAtStart(target: Target, endpoint: string) {
  return [
    ['RolloutEndpoint', endpoint],
    ['RolloutTarget', targetName(target)],
    ['RolloutPhase', 'preflight'],
  ] as const;
}

export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;
