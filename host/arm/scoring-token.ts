import type { ScoringToken } from '../state/model.js';
import { makeSecret } from './auth.js';

/** How long a token for scoring opens an endpoint, and when a client should ask for the next, seconds. */
const LIFE_S = 12 * 3600;
const REFRESH_S = 8 * 3600;

/**
 * The token that comes after another one, which goes on until it expires: one client's asking must not shut others out.
 * No more than one lives on, since each lasts less than twice as long as it takes until the next.
 *
 * @param nowSeconds - since the epoch.
 */
export function nextToken(before: ScoringToken | undefined, nowSeconds: number): ScoringToken {
  return {
    value: makeSecret(),
    expiresAt: nowSeconds + LIFE_S,
    refreshAfter: nowSeconds + REFRESH_S,
    ...(before && { previous: { value: before.value, expiresAt: before.expiresAt } }),
  };
}
