import { describe, expect, it } from 'vitest';

import { blindHold, isNews, unseenIn } from '../../core/blind-hold.js';
import { enterStep } from '../../core/look.js';
import type { BlindHold, Hold, Unseen } from '../../core/run.js';
import { unreadForLong, withReading } from '../../core/unread.js';
import { leaveStep, seesOtherwise, type WatchInput, type WatchMemory } from '../../core/watch.js';

const watching = { intervalMs: 5_000 } as WatchInput['watching'];
const MEMORY = enterStep({ memory: null, stepIndex: 1, kind: 'live' } as WatchInput, 0);
const NO = 'the right to list pods is missing';

/** Looks of an endpoint at these seconds: `+` was read, `-` was not. What is told at the last of them. */
function looksAt(looks: readonly (readonly [atSec: number, mark: '+' | '-'])[], known?: boolean) {
  let memory = MEMORY;
  let told: string | null = null;
  for (const [atSec, mark] of looks) {
    const why = mark === '-' ? NO : null;
    memory = JSON.parse(JSON.stringify(withReading(memory, why, atSec * 1000))) as WatchMemory;
    const input = known === undefined ? { watching } : { watching, unread: known };
    told = unreadForLong(input, memory, why, atSec * 1000);
  }
  return { told, memory };
}

/** A look every five seconds. */
const run = (fromSec: number, toSec: number, mark: '+' | '-' = '-') =>
  Array.from({ length: (toSec - fromSec) / 5 + 1 }, (_, i) => [fromSec + 5 * i, mark] as const);

describe('an endpoint that cannot be read', () => {
  it.each`
    looks                                                   | told    | because
    ${run(0, 0)}                                            | ${null} | ${'one look is none of it'}
    ${run(0, 55)}                                           | ${null} | ${'it may pass within a minute'}
    ${run(0, 60)}                                           | ${NO}   | ${'it stays so'}
    ${[...run(0, 55), ...run(60, 60, '+'), ...run(65, 65)]} | ${null} | ${'it was read in between'}
    ${[...run(0, 60), ...run(65, 65, '+')]}                 | ${null} | ${'it is read again'}
    ${[...run(0, 0), ...run(7_200, 7_200)]}                 | ${null} | ${'nobody looked for two hours, and two looks are none of it'}
    ${[...run(0, 5), ...run(7_200, 7_200)]}                 | ${NO}   | ${'three looks found the same'}
  `(
    'is told as $told where $because',
    ({ looks, told }: { looks: ReturnType<typeof run>; told: string | null }) => {
      expect(looksAt(looks, false).told).toBe(told);
      expect(looksAt(looks, true).told).toBe(told);
    },
  );

  it('is not told to an older workflow, which would not say it', () => {
    expect(looksAt(run(0, 60)).told).toBeNull();
  });

  it('is known from step to step, and forgotten once it is read', () => {
    const { memory } = looksAt(run(0, 20), false);
    const next = enterStep({ memory: leaveStep(memory), stepIndex: 2, kind: 'live' } as WatchInput, 25_000);

    expect(next.unread).toEqual({ sinceMs: 0, looks: 5 });
    expect(withReading(next, null, 30_000)).not.toHaveProperty('unread');
  });

  it.each`
    blind    | unread       | found                             | otherwise
    ${false} | ${undefined} | ${{ blind: null }}                | ${false}
    ${false} | ${undefined} | ${{ blind: 'stale' }}             | ${true}
    ${true}  | ${false}     | ${{ blind: 'stale' }}             | ${false}
    ${true}  | ${false}     | ${{ blind: 'stale', unread: NO }} | ${true}
    ${false} | ${false}     | ${{ blind: null, unread: NO }}    | ${true}
    ${false} | ${true}      | ${{ blind: null, unread: NO }}    | ${false}
    ${false} | ${true}      | ${{ blind: null }}                | ${true}
    ${true}  | ${true}      | ${{ blind: null, unread: NO }}    | ${true}
  `(
    'ends a window that says $found where blind=$blind, unread=$unread: $otherwise',
    (given: {
      blind: boolean;
      unread: boolean | undefined;
      found: Parameters<typeof seesOtherwise>[1];
      otherwise: boolean;
    }) => {
      const { blind, unread, found, otherwise } = given;

      expect(seesOtherwise(unread === undefined ? { blind } : { blind, unread }, found)).toBe(otherwise);
    },
  );
});

describe('a rollout that cannot see', () => {
  const names = { endpoint: 'diabetes', green: 'green' };
  const gates = 'the gates see nothing: stale; nothing is concluded from that';
  const endpoint = `diabetes cannot be read: ${NO}; what others change, and whether green restarts, is not seen, and a rollback may be refused as well`;
  const since = (blindSinceMs: number | null, unreadSinceMs?: number): WatchMemory => ({
    ...MEMORY,
    blindSinceMs,
    ...(unreadSinceMs === undefined ? {} : { unread: { sinceMs: unreadSinceMs, looks: 20 } }),
  });

  it.each`
    what             | found                             | memory         | hold
    ${'nothing'}     | ${{}}                             | ${since(null)} | ${null}
    ${'no metrics'}  | ${{ blind: 'stale' }}             | ${since(5)}    | ${{ because: gates, sinceMs: 5, unseen: ['metrics'] }}
    ${'no endpoint'} | ${{ blind: null, unread: NO }}    | ${since(3, 7)} | ${{ because: endpoint, sinceMs: 7, unseen: ['endpoint'] }}
    ${'neither'}     | ${{ blind: 'stale', unread: NO }} | ${since(9, 7)} | ${{ because: `${gates}; and ${endpoint}`, sinceMs: 7, unseen: ['metrics', 'endpoint'] }}
    ${'since now'}   | ${{ blind: 'no look' }}           | ${since(null)} | ${{ sinceMs: 99 }}
  `(
    'says why, and since when: $what',
    ({ found, memory, hold }: { found: object; memory: WatchMemory; hold: object | null }) => {
      const made = blindHold(null, { ...found, memory }, names, 99);

      if (hold === null) expect(made).toBeNull();
      else expect(made).toMatchObject({ kind: 'blind', ...hold });
    },
  );

  it.each`
    before                                                    | found                             | because
    ${{ kind: 'blind', sinceMs: 1, because: 'as told' }}      | ${{ blind: 'older: stale' }}      | ${'as told'}
    ${{ ...told('metrics'), because: 'as told' }}             | ${{ blind: 'stale again' }}       | ${'as told'}
    ${{ ...told('endpoint'), because: 'as told' }}            | ${{ unread: 'other words' }}      | ${'as told'}
    ${{ ...told('metrics'), because: 'as told' }}             | ${{ blind: 'stale', unread: NO }} | ${`${gates}; and ${endpoint}`}
    ${{ ...told('metrics', 'endpoint'), because: 'as told' }} | ${{ blind: 'stale' }}             | ${gates}
    ${{ ...told('metrics'), because: 'as told' }}             | ${{ unread: NO }}                 | ${endpoint}
  `(
    'stays as it was said while it is the same: $found after $before.unseen',
    ({ before, found, because }: { before: BlindHold; found: object; because: string }) => {
      expect(blindHold(before, { ...found, memory: MEMORY }, names, 99)?.because).toBe(because);
    },
  );

  const drift = { kind: 'drift' } as Hold;
  it.each<[string, Hold, Hold | null, boolean]>([
    ['the first one', told('metrics'), null, true],
    ['an older one', { kind: 'blind', sinceMs: 1, because: '' }, told('metrics'), false],
    ['the same', told('endpoint'), told('endpoint'), false],
    ['another', told('endpoint'), told('metrics'), true],
    ['one more', told('metrics', 'endpoint'), told('metrics'), true],
    ['one less', told('metrics'), told('metrics', 'endpoint'), false],
    ['after somebody’s change', told('endpoint'), drift, true],
    ['somebody’s change', drift, told('endpoint'), true],
    ['another change of somebody', drift, drift, false],
  ])('tells it once: %s', (_, hold, before, news) => {
    expect(isNews(hold, before)).toBe(news);
  });

  it('is not blind where it is held for a person', () => {
    expect(unseenIn(drift)).toEqual([]);
  });
});

function told(...unseen: readonly Unseen[]): BlindHold {
  return { kind: 'blind', sinceMs: 1, because: 'told', unseen };
}
