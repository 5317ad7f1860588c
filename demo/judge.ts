import { sameTraffic, type Traffic, trafficText } from '../core/traffic.js';
import type { Answer } from './load.js';
import type { DoneRollout } from './rollout.js';
import { isError } from './tally.js';

/** All that the demo saw. */
export interface Seen {
  /** Of v2. */
  readonly good: DoneRollout;
  /** Of v3. */
  readonly bad: DoneRollout;
  /** Of the whole demo, in the order in which they came. */
  readonly answers: readonly Answer[];
  /** The endpoint at the end, as it was read back. */
  readonly atTheEnd: { readonly traffic: Traffic; readonly deployments: readonly string[] };
}

/** Names of the deployments: who served before the bad rollout, and what the bad rollout brought. */
export interface Cast {
  readonly before: string;
  readonly bad: string;
}

/** The way from the first bad answer to safety. */
export interface Rescue {
  /** When a client first got a failed or a slow answer of the bad version; milliseconds since the epoch. */
  readonly firstBadMs: number;
  /** When all live traffic was read back at the version before. */
  readonly backMs: number;
}

/** What is not as the demo promises, in words; empty when all is. */
export function differences(seen: Seen, cast: Cast): readonly string[] {
  return [...goodDifferences(seen), ...badDifferences(seen, cast), ...endDifferences(seen, cast)];
}

function goodDifferences({ good, bad, answers }: Seen): readonly string[] {
  const { outcome, reason } = good.report;
  const before = answers.filter((answer) => answer.atMs < bad.fromMs);
  const failed = before.filter(isError).length;
  return [
    ...(outcome === 'promoted' ? [] : [`v2 was not promoted, but ${outcome}: ${reason}`]),
    ...(failed === 0
      ? []
      : [`clients saw ${failed} failed of ${before.length} requests before v3 came; expected none`]),
    ...(before.length > 0 ? [] : ['no client got an answer before v3 came']),
  ];
}

function badDifferences({ bad, answers }: Seen, cast: Cast): readonly string[] {
  const { outcome, reason } = bad.report;
  const since = answers.filter((answer) => answer.atMs >= bad.fromMs);
  const strangers = since.filter((answer) => isError(answer) && answer.deployment !== cast.bad);
  const backMs = bad.record.backAtMs;
  const late = since.filter(
    (answer) => answer.deployment === cast.bad && backMs !== null && answer.atMs - answer.latencyMs > backMs,
  );
  return [
    ...(outcome === 'rolled-back' ? [] : [`v3 was not rolled back, but ${outcome}: ${reason}`]),
    ...(bad.record.breach !== null ? [] : [`no gate found v3 in breach; it ended because: ${reason}`]),
    ...(since.some((answer) => answer.deployment === cast.bad) ? [] : ['no client got an answer of v3']),
    ...(strangers.length === 0
      ? []
      : [
          `${strangers.length} requests failed during v3's rollout that v3 did not answer: ${whose(strangers)}`,
        ]),
    ...(backMs !== null ? [] : [`the traffic of ${cast.before} was not read back after the rollback`]),
    ...(late.length === 0
      ? []
      : [`${late.length} requests reached v3 after ${cast.before} was read back at 100 %`]),
  ];
}

function endDifferences({ atTheEnd }: Seen, { before }: Cast): readonly string[] {
  const wanted: Traffic = { live: { [before]: 100 }, mirror: {} };
  const { traffic, deployments } = atTheEnd;
  return [
    ...(sameTraffic(traffic, wanted)
      ? []
      : [`the endpoint shows ${trafficText(traffic)} at the end; expected ${trafficText(wanted)}`]),
    ...(deployments.join() === before
      ? []
      : [`the endpoint has the deployments ${deployments.join(', ')} at the end; expected ${before} alone`]),
  ];
}

/** @returns null when no client got a bad answer, or the traffic was not read back. */
export function rescue({ bad, answers }: Seen, cast: Cast): Rescue | null {
  const slowMs = slowLimit(bad);
  const first = answers.find(
    (answer) =>
      answer.atMs >= bad.fromMs &&
      answer.deployment === cast.bad &&
      (isError(answer) || answer.latencyMs > slowMs),
  );
  const backMs = bad.record.backAtMs;
  return first === undefined || backMs === null ? null : { firstBadMs: first.atMs, backMs };
}

/** What the rollout's own gates call slow. */
function slowLimit({ record }: DoneRollout): number {
  const limits = record.gates.map((gate) =>
    gate.metric === 'latency' && gate.limit.kind === 'at-most' ? gate.limit.ms : Infinity,
  );
  return Math.min(Infinity, ...limits);
}

function whose(answers: readonly Answer[]): string {
  const kinds = answers.map(
    ({ status, deployment }) => `${status ?? 'no answer'} from ${deployment ?? 'nobody'}`,
  );
  return [...new Set(kinds)].join(', ');
}
