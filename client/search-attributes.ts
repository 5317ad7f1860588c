import { defineSearchAttributeKey, type TypedSearchAttributes } from '@temporalio/common';
import type { SEARCH_ATTRIBUTES, SearchAttributeName } from '../core/search-attributes.js';

type TextAttribute = {
  [N in SearchAttributeName]: (typeof SEARCH_ATTRIBUTES)[N] extends 'KEYWORD' ? N : never;
}[SearchAttributeName];

/** What a rollout shows of itself without a worker; undefined where it does not. */
export function textAttribute(attributes: TypedSearchAttributes, name: TextAttribute): string | undefined {
  return attributes.get(defineSearchAttributeKey(name, 'KEYWORD'));
}
