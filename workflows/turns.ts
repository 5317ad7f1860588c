import type { NotYetDetails } from '../core/activities.js';
import { WINDOW_MS } from './proxies.js';

/**
 * What may take long is asked for in turns with looks at green: for so long it is asked for, and for so long, at least,
 * green is looked at before it is asked for again.
 */
const TURN_MS = 15_000;

/** Both turns. Counted, and not read from a clock: docs/upgrades.md. */
const TURNS_MS = 2 * TURN_MS;

/** Whether it is to end as `NotYet`. The last turn is not: it ends as what the work itself fails of. */
export function givesWay(leftMs: number): { readonly givesWayAfterMs?: number } {
  return leftMs > TURNS_MS ? { givesWayAfterMs: TURN_MS } : {};
}

/**
 * What comes after a turn that got nothing done: green is looked at for as long as the target wants not to be asked, unless the
 * last turn comes before, and no longer than one window.
 *
 * @returns for how long green is looked at, and the time that is left after it.
 */
export function afterTurn(
  leftMs: number,
  { askedMs, againInMs }: NotYetDetails,
): { readonly lookMs: number; readonly leftMs: number } {
  const lookMs = Math.max(TURN_MS, Math.min(againInMs, leftMs - TURNS_MS, WINDOW_MS));
  return { lookMs, leftMs: Math.max(TURN_MS, leftMs - askedMs - lookMs) };
}
