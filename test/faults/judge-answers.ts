import { isError, NOBODY } from '../../demo/tally.js';
import type { Answer } from '../../demo/load.js';
import { shareOf } from '../../core/traffic.js';
import { AFTERMATH_MS, type CellFacts, CLOCK_MS, killed, mayBeDead } from './facts.js';
import { rollbackLimitMs } from './judge-times.js';
import { rollbackIn } from './rollback.js';
import type { Victim } from './world.js';

/** From the first bad answer to the breach. Seen, with an undisturbed rollback: 4 s, and 5.7 s on two cores with ten times the work. */
const EVIDENCE_MS = 5_000;
/** What green is judged by comes through these, or from them: the gates wait until it is back. */
const SEEN_BY = ['envoy', 'green', 'blue'] satisfies readonly Victim[];
/** Requests on their way to green when its traffic went. */
const DRAIN_MS = 1_000;
/** The longest that an answer may be on its way after the share that brought it there is gone. */
const REQUEST_MS = 5_000;
/** A share is in force a moment before the sampler has read it. */
const SEEN_AFTER_MS = 1_000;
/** Its first good answer is not its last bad one: requests were waiting, and probes have yet to find it. */
const BACK_MS = 2_000;

/** The request was sent then or a little later, however late this busy machine read its answer. */
const dueMs = ({ atMs, latencyMs }: Answer): number => atMs - latencyMs;

/** Clients may get errors only from what was killed while it served them, and from a bad green for as long as it takes to see it. */
export function clientProblems(facts: CellFacts): readonly string[] {
  const { answers, killedAtMs } = facts;
  if (answers.length === 0) return ['no client got an answer'];
  const backAtMs = readBackAtMs(facts);
  const dead = deadUntilMs(facts);
  const late = (answer: Answer): boolean =>
    answer.deployment === 'green' && dueMs(answer) > backAtMs + DRAIN_MS;
  const failed = answers.filter(
    (answer) =>
      isError(answer) &&
      !late(answer) &&
      !isBadGreen(answer, facts) &&
      !(mayBeDead(answer.atMs, facts) && dueMs(answer) <= dead && isOfVictim(answer, facts)),
  );
  const afterwards = answers.filter(late);
  return [
    ...(failed.length === 0 ? [] : [failedText(failed, answers.length, killedAtMs)]),
    ...exposureProblems(facts, backAtMs),
    ...(afterwards.length === 0
      ? []
      : [
          `green answered ${afterwards.length} requests after its traffic was read back to be gone, ` +
            `the last ${Math.round((afterwards.at(-1)?.atMs ?? 0) - backAtMs)} ms`,
        ]),
  ];
}

/** Whether green failed it because it is meant to. */
function isBadGreen(answer: Answer, { spec, brokeAtMs }: CellFacts): boolean {
  if (!isError(answer) || answer.deployment !== 'green') return false;
  return spec.badGreen || (brokeAtMs !== null && answer.atMs >= brokeAtMs);
}

/** How long clients were left with a bad green. What was killed meanwhile has its time from the kill on. */
function exposureProblems(facts: CellFacts, backAtMs: number): readonly string[] {
  const { answers, killedAtMs } = facts;
  const first = answers.find((answer) => isBadGreen(answer, facts));
  if (first === undefined || backAtMs === Infinity) return [];
  const disturbed = killedAtMs !== null && killedAtMs <= backAtMs;
  const fromMs = Math.max(dueMs(first), disturbed ? killedAtMs : 0);
  const tookMs = Math.round(backAtMs - fromMs);
  const victim = disturbed ? facts.victim : null;
  const waitMs = SEEN_BY.some((part) => part === victim) ? AFTERMATH_MS : 0;
  const limitMs = waitMs + EVIDENCE_MS + rollbackLimitMs(victim);
  return tookMs <= limitMs
    ? []
    : [`clients were left with a bad green for ${tookMs} ms; at most ${limitMs} ms`];
}

/** When a rollback was read back: from then on nothing comes from green. Infinity without one. */
function readBackAtMs({ outcome, events }: CellFacts): number {
  if (outcome === 'promoted') return Infinity;
  return rollbackIn(events).at(-1)?.atMs ?? Infinity;
}

/** What was killed serves again with the first good answer to a request of after the kill, if it gets any. */
function deadUntilMs(facts: CellFacts): number {
  const { answers, victim, killedAtMs } = facts;
  const again = answers.find(
    (answer) =>
      dueMs(answer) > (killedAtMs ?? 0) + CLOCK_MS &&
      !isError(answer) &&
      (victim === 'envoy' || answer.deployment === victim),
  );
  return again === undefined ? Infinity : again.atMs + BACK_MS;
}

function isOfVictim(answer: Answer, facts: CellFacts): boolean {
  const victim = killed(facts);
  if (victim === 'envoy') return answer.deployment === null;
  if (victim !== 'green' && victim !== 'blue') return false;
  // The gateway answers itself where nobody does: for a deployment that has a share of the requests.
  return answer.deployment === victim || (answer.deployment === null && hadShare(victim, answer, facts));
}

function hadShare(name: string, answer: Answer, { looks }: CellFacts): boolean {
  return looks.some(
    ({ atMs, traffic }) =>
      shareOf(traffic.live, name) > 0 &&
      atMs >= answer.atMs - REQUEST_MS &&
      atMs <= answer.atMs + SEEN_AFTER_MS,
  );
}

function failedText(failed: readonly Answer[], of: number, killedAtMs: number | null): string {
  const kinds = new Set(
    failed.map(({ status, deployment }) => `${status ?? 'no answer'} of ${deployment ?? NOBODY}`),
  );
  const afterMs = (atMs: number | undefined): number => (atMs ?? 0) - (killedAtMs ?? 0);
  return (
    `${failed.length} of ${of} requests failed that need not: ${[...kinds].join(', ')}` +
    (killedAtMs === null
      ? ''
      : ` (${afterMs(failed[0]?.atMs)} to ${afterMs(failed.at(-1)?.atMs)} ms after the kill)`)
  );
}
