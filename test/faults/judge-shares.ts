import { sameTraffic, shareOf } from '../../core/traffic.js';
import { type CellFacts, killed, mayBeDead } from './facts.js';
import { type Look, share, whyNot, withoutAnswer } from './sampler.js';
import { ASKED } from './writes.js';

/** An attempt that had read before the deployment was down may take so long until its write is seen. */
const WRITE_MS = 2_000;

/**
 * No share ever points at a deployment that is not ready. Shares and deployments are two calls, and a change may come
 * between them: only what two looks in a row show is so. What is killed while it has a share keeps it until somebody
 * knows, but gets no more.
 */
export function shareProblems(facts: CellFacts): readonly string[] {
  const { looks } = facts;
  const found = looks.flatMap((look, i) => {
    const again = looks[i + 1];
    const still = again === undefined ? [] : withoutAnswer(again);
    return withoutAnswer(look)
      .filter((name) => still.includes(name) && !hadItBefore(facts, i, name))
      .map((name) => `${share(look, name)} % at ${name}, ${whyNot(look, name)}`);
  });
  return [...new Set(found)];
}

/** Whether it was killed, and its share was there before it was shown to be down. */
function hadItBefore(facts: CellFacts, at: number, name: string): boolean {
  const { looks, killedAtMs, spec } = facts;
  const dead = looks.slice(0, at + 1);
  const last = dead.at(-1) as Look;
  if (name !== killed(facts) || !mayBeDead(last.atMs, facts)) return false;
  const up = dead.findLastIndex((look) => look.atMs < (killedAtMs ?? 0) || whyNot(look, name) === null);
  const [down = last] = dead.slice(up + 1);
  const gained = dead.slice(up + 2).some((look, i) => {
    const before = dead[up + 1 + i] as Look;
    if (!hasMore(look, before, name)) return false;
    if (sameTraffic(look.traffic, spec.way[0] as Look['traffic'])) return false; // going back
    return before.atMs - down.atMs > WRITE_MS || askedAtMs(facts, look) > down.atMs;
  });
  return !gained;
}

function hasMore({ traffic: now }: Look, { traffic: before }: Look, name: string): boolean {
  return (
    shareOf(now.live, name) > shareOf(before.live, name) ||
    shareOf(now.mirror, name) > shareOf(before.mirror, name)
  );
}

/** When the write was begun that made the traffic what a look shows: it reads what is ready after that. */
function askedAtMs({ events }: CellFacts, { atMs, traffic }: Look): number {
  const write = events.findLast(
    ({ what, to, atMs: askedMs }) =>
      what === ASKED && askedMs <= atMs && to !== undefined && sameTraffic(to, traffic),
  );
  return write?.atMs ?? 0;
}
