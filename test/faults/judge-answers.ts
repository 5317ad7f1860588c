import { isError, NOBODY } from '../../demo/tally.js';
import type { Answer } from '../../demo/load.js';
import { shareOf } from '../../core/traffic.js';
import { type CellFacts, CLOCK_MS, killed, mayBeDead } from './facts.js';
import { rollbackIn } from './rollback.js';

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

/** Clients may get errors only from what was killed while it served them, and from a green that is bad by design. */
export function clientProblems(facts: CellFacts): readonly string[] {
  const { spec, answers, killedAtMs } = facts;
  if (answers.length === 0) return ['no client got an answer'];
  const badGreen = spec.badGreen || spec.then === 'break-green';
  const backAtMs = readBackAtMs(facts);
  const dead = deadUntilMs(facts);
  const late = (answer: Answer): boolean =>
    answer.deployment === 'green' && dueMs(answer) > backAtMs + DRAIN_MS;
  const failed = answers.filter(
    (answer) =>
      isError(answer) &&
      !late(answer) &&
      !(badGreen && answer.deployment === 'green') &&
      !(mayBeDead(answer.atMs, facts) && dueMs(answer) <= dead && isOfVictim(answer, facts)),
  );
  const afterwards = answers.filter(late);
  return [
    ...(failed.length === 0 ? [] : [failedText(failed, answers.length, killedAtMs)]),
    ...(afterwards.length === 0
      ? []
      : [
          `green answered ${afterwards.length} requests after its traffic was read back to be gone, ` +
            `the last ${Math.round((afterwards.at(-1)?.atMs ?? 0) - backAtMs)} ms`,
        ]),
  ];
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
