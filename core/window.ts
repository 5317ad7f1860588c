import { driftText, sameDrift, type Drift } from './drift.js';
import { findDeployment, isReady, type EndpointState } from './endpoint.js';
import { failed } from './gates/index.js';
import { resultOf, type Looked } from './look.js';
import type { WatchInput, WatchMemory, WatchResult } from './watch.js';

/** What a look found of the endpoint; null = it did not answer, or is gone. */
export interface Found {
  readonly endpoint: EndpointState | null;
  /** `unknown`: nobody could tell. */
  readonly drift: Drift | null | 'unknown';
}

/** Whether the look saw the baseline with all instances that are wanted, and nobody but an autoscaler had taken any away. */
export function baselineAnswers({ baseline }: WatchInput, { endpoint, drift }: Found): boolean {
  const found = endpoint === null ? undefined : findDeployment(endpoint, baseline);
  if (found === undefined || drift === 'unknown') return false;
  const missed = drift?.scaled.some(({ deployment }) => deployment === baseline) ?? false;
  return !missed && found.instances.wanted > 0 && isReady(found);
}

/** What a look found beside its counts, in sentences that quote no secret of green. */
interface FoundBeside extends Pick<Found, 'drift'> {
  /** What ails green's instances; null: nothing. */
  readonly trouble: string | null;
  /** Why the endpoint cannot be read, and could not for so long that a person should know; null: it can. */
  readonly unread: string | null;
}

/** A breach by counts weighs more than drift: green must go, whoever changed what. */
export function verdictOf(
  input: WatchInput,
  looked: Looked,
  { drift, trouble, unread }: FoundBeside,
  nowMs: number,
): WatchResult {
  const result = { ...resultOf(looked, input, nowMs), ...(unread === null ? {} : { unread }) };
  const found = drift === 'unknown' ? null : drift;
  const breach = {
    ...result,
    verdict: 'breach',
    observed: found?.observed ?? null,
    scaled: found?.scaled ?? [],
    replaced: found?.replaced,
  } as const;
  if (result.verdict === 'breach') return breach;
  if (trouble !== null) return { ...breach, sentence: trouble };
  if (drift === 'unknown' || sameDrift(drift, input.held)) return result;
  const { traffic } = input.written;
  const sentence =
    drift === null
      ? `${input.endpoint} is as the rollout wrote it again`
      : `someone else changed ${input.endpoint}: ${driftText(traffic, drift)}`;
  return { ...result, verdict: 'drift', sentence, ...(drift ?? { observed: traffic, scaled: [] }) };
}

/** A window that went to its end: with what the workflow may not tell by its own clock (workflows/watching.ts). */
export function windowOver(
  { green, final, seenMs }: WatchInput,
  last: WatchResult,
  nowMs: number,
): WatchResult {
  const { enteredAtMs, lostMs = 0, lagMs = 0, blindSinceMs, state } = last.memory;
  const seen = seenMs === undefined || nowMs - enteredAtMs - lostMs - lagMs >= seenMs;
  const failing = state === null ? null : failed(state, green);
  return {
    ...last,
    ...(failing === null ? {} : { failed: failing }),
    timeOver: final === true && seen,
    blindForMs: nowMs - (blindSinceMs ?? nowMs),
  };
}

/** A window that was cut short: what its last look told, or, before the first, what the rollout says already. */
export function windowCut(input: WatchInput, last: WatchResult | null, memory: WatchMemory): WatchResult {
  return {
    verdict: 'window-over',
    sentence: last?.sentence ?? '',
    evidence: last?.evidence ?? [],
    observed: null,
    ...(last === null ? toldBefore(input) : toldBy(last)),
    memory,
  };
}

function toldBy({ blind = null, unread }: WatchResult): Pick<WatchResult, 'blind' | 'unread'> {
  return { blind, ...(unread === undefined ? {} : { unread }) };
}

/** What the rollout says already that looks cannot see: none was taken that could see it. */
function toldBefore({ blind, unread }: WatchInput): Pick<WatchResult, 'blind' | 'unread'> {
  const why = 'no look was taken since';
  return { blind: blind ? why : null, ...(unread === true ? { unread: why } : {}) };
}
