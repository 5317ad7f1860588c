import type { Answer } from '../../demo/load.js';
import { isError } from '../../demo/tally.js';
import { sameTraffic, trafficText, type Traffic } from '../../core/traffic.js';
import type { BadShare } from './sampler.js';
import type { ReferenceSpec } from './specs.js';
import type { Victim } from './world.js';

/** What was seen of one rollout while something was killed. */
export interface CellFacts {
  readonly spec: ReferenceSpec;
  /** null = nothing was killed. */
  readonly victim: Victim | null;
  /** When SIGKILL was sent, and when the part served again, milliseconds since the epoch; null = it was not. */
  readonly killedAtMs: number | null;
  readonly mendedAtMs: number | null;
  /** Outcome of the report; `no end` when there was none in time. */
  readonly outcome: string;
  /** The endpoint at the end, read back. */
  readonly traffic: Traffic;
  readonly deployments: readonly string[];
  /** Traffic in the order in which it was seen. */
  readonly way: readonly Traffic[];
  readonly wrongSums: readonly string[];
  readonly badShares: readonly BadShare[];
  /** Operations that the target ended well, by what they did: `deployment-put green`. */
  readonly operations: readonly string[];
  /** How many writes of shares the target may have recorded. */
  readonly writes: number;
  /** Restarts of the deployment that is left. */
  readonly restarts: number;
  readonly answers: readonly Answer[];
}

/** A client that had sent its request before the kill may get its error after it; a broken part is found in probes. */
const AFTERMATH_MS = 8_000;

/** What is not as it must be, in words; empty when all is. */
export function problemsOf(facts: CellFacts): readonly string[] {
  return [
    ...endProblems(facts),
    ...wayProblems(facts),
    ...facts.wrongSums.map((sum) => `shares summed to ${sum}`),
    ...shareProblems(facts),
    ...effectProblems(facts),
    ...clientProblems(facts),
  ];
}

function endProblems({ spec, victim, outcome, traffic, deployments }: CellFacts): readonly string[] {
  const promoted = outcome === 'promoted';
  const end = { live: { [promoted ? 'green' : 'blue']: 100 }, mirror: {} };
  const left = promoted ? 'green' : 'blue';
  return [
    ...(mayEndAs(spec, victim).includes(outcome)
      ? []
      : [`it ended as ${outcome} instead of ${spec.outcome}`]),
    ...(sameTraffic(traffic, end)
      ? []
      : [`the endpoint shows ${trafficText(traffic)} instead of ${trafficText(end)}`]),
    ...(deployments.join() === left ? [] : [`it has ${deployments.join(', ')} instead of ${left} alone`]),
  ];
}

/**
 * The undisturbed outcome, or a rollback where the killed part is what the rollout judges: a green whose server dies is
 * a green that fails, and a blue that is dead at preflight is no baseline.
 */
function mayEndAs(spec: ReferenceSpec, victim: Victim | null): readonly string[] {
  if (victim === 'green') return [spec.outcome, 'rolled-back'];
  if (victim === 'blue') return [spec.outcome, 'rejected'];
  return [spec.outcome];
}

/** Every state at most once and in order; then, at the most once, back to what was before. */
function wayProblems({ spec, outcome, way }: CellFacts): readonly string[] {
  const wanted = [...spec.way];
  let at = -1;
  let back = false;
  for (const [i, traffic] of way.entries()) {
    const next = back ? -1 : wanted.findIndex((one, j) => j > at && sameTraffic(one, traffic));
    if (next >= 0) at = next;
    else if (!back && i > 0 && outcome !== 'promoted' && sameTraffic(traffic, wanted[0] as Traffic))
      back = true;
    else return [`its traffic went ${way.map(trafficText).join(' → ')}`];
  }
  return [];
}

function shareProblems({ badShares, victim, killedAtMs, mendedAtMs }: CellFacts): readonly string[] {
  return badShares
    .filter(
      ({ deployment, atMs }) =>
        deployment !== victim || killedAtMs === null || !during(atMs, killedAtMs, mendedAtMs),
    )
    .map(({ what }) => what);
}

/** Nothing was created, deleted or written more often than the way it went needs. */
function effectProblems({
  operations,
  writes,
  outcome,
  victim,
  restarts,
  deployments,
}: CellFacts): readonly string[] {
  const count = (what: string): number => operations.filter((one) => one === what).length;
  const limits: Readonly<Record<string, number>> = {
    'deployment-put green': 1,
    'deployment-delete green': outcome === 'promoted' ? 0 : 1,
    'deployment-delete blue': outcome === 'promoted' ? 1 : 0,
    'endpoint-put': writes,
  };
  const often = Object.entries(limits)
    .filter(([what, limit]) => count(what) > limit)
    .map(([what, limit]) => `${what} happened ${count(what)} times instead of ${limit}`);
  const own = victim !== null && deployments.includes(victim) ? 1 : 0;
  return restarts <= own ? often : [...often, `its model server was restarted ${restarts} times`];
}

/** Clients may get errors only from what was killed while it served them, and from a green that is bad by design. */
function clientProblems(facts: CellFacts): readonly string[] {
  const { spec, victim, answers, killedAtMs, mendedAtMs } = facts;
  const failed = answers.filter(
    (answer) =>
      isError(answer) &&
      !(answer.deployment === 'green' && (spec.badGreen || spec.then === 'break-green')) &&
      !(killedAtMs !== null && during(answer.atMs, killedAtMs, mendedAtMs) && servedBy(victim, answer)),
  );
  if (answers.length === 0) return ['no client got an answer'];
  if (failed.length === 0) return [];
  const kinds = new Set(
    failed.map(({ status, deployment }) => `${status ?? 'no answer'} of ${deployment ?? 'nobody'}`),
  );
  const afterMs = killedAtMs === null ? null : (failed[0]?.atMs ?? 0) - killedAtMs;
  return [
    `${failed.length} of ${answers.length} requests failed that need not: ${[...kinds].join(', ')}` +
      (afterMs === null ? '' : ` (first ${afterMs} ms after the kill)`),
  ];
}

function servedBy(victim: Victim | null, answer: Answer): boolean {
  if (victim === 'envoy') return answer.deployment === null;
  return (
    (victim === 'green' || victim === 'blue') && (answer.deployment === victim || answer.deployment === null)
  );
}

function during(atMs: number, killedAtMs: number, mendedAtMs: number | null): boolean {
  return atMs >= killedAtMs - 50 && (mendedAtMs === null || atMs <= mendedAtMs + AFTERMATH_MS);
}
