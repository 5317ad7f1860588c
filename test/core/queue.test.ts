import { describe, expect, it } from 'vitest';

import {
  enqueued,
  MOST_BYTES,
  MOST_WAITING,
  placeOf,
  queueMemo,
  settled,
  whyNotQueued,
  whyNotWithdrawn,
  type QueueEntry,
  type QueueState,
} from '../../core/queue.js';
import { planOf, rampStep } from '../support/plans.js';

const NOBODY: QueueState = { waiting: [], fates: [] };

const entryOf = (id: string, more: Partial<QueueEntry> = {}): QueueEntry => ({
  id,
  plan: planOf('diabetes', [rampStep(10)], { digest: id }),
  by: 'bob',
  spec: `${id}.yml`,
  summary: '',
  details: '',
  sinceMs: 7,
  ...more,
});

const stateOf = (...ids: readonly string[]): QueueState => ({
  ...NOBODY,
  waiting: ids.map((id) => entryOf(id)),
});

const idsOf = ({ waiting }: QueueState): readonly string[] => waiting.map(({ id }) => id);

describe('who may wait', () => {
  it('is anybody while there is room', () => {
    const nine = Array.from({ length: MOST_WAITING - 1 }, (_, nth) => `${nth}`);

    expect(whyNotQueued(NOBODY, entryOf('a'))).toBeUndefined();
    expect(whyNotQueued(stateOf(...nine), entryOf('a'))).toBeUndefined();
  });

  it('is not one more than the most', () => {
    const ten = Array.from({ length: MOST_WAITING }, (_, nth) => `${nth}`);

    expect(whyNotQueued(stateOf(...ten), entryOf('a'))).toBe(
      `${MOST_WAITING} rollouts wait for diabetes already, which is the most; withdraw one, or wait`,
    );
  });

  it('is not the same spec twice', () => {
    const again = entryOf('b', { plan: entryOf('a').plan, by: 'cy' });

    expect(whyNotQueued(stateOf('a'), again)).toBe(
      'this very spec waits for diabetes already, since bob submitted it',
    );
  });

  it('is who asks again for want of an answer, and keeps the place', () => {
    const state = settled(stateOf('a', 'b'), { id: 'a', fate: 'started', because: '' });

    for (const [id, place] of [
      ['a', 1],
      ['b', 1],
    ] as const) {
      expect(whyNotQueued(state, entryOf(id))).toBeUndefined();
      expect(enqueued(state, { entry: entryOf(id), first: true }, null)).toBe(state);
      expect(placeOf(state, id)).toBe(place);
    }
  });

  it('is nobody whose plan would not fit beside the others', () => {
    const room = MOST_BYTES - JSON.stringify(entryOf('a')).length - JSON.stringify(entryOf('b')).length;
    const withDetails = (bytes: number) => entryOf('b', { details: 'x'.repeat(bytes) });

    expect(whyNotQueued(stateOf('a'), withDetails(room))).toBeUndefined();
    expect(whyNotQueued(stateOf('a'), withDetails(room + 1))).toMatch(
      /^the plans that wait for diabetes would have 1000001 bytes together, and at most 1000000 can wait/,
    );
  });
});

describe('a place', () => {
  it.each<[string, boolean, string | null, readonly string[]]>([
    ['is the last', false, null, ['a', 'b', 'c']],
    ['is the first for who supersedes', true, null, ['c', 'a', 'b']],
    ['is never before one that is being started', true, 'a', ['a', 'c', 'b']],
  ])('%s', (_, first, starting, ids) => {
    expect(idsOf(enqueued(stateOf('a', 'b'), { entry: entryOf('c'), first }, starting))).toEqual(ids);
  });

  it('is taken back by who says who it is', () => {
    const why = (id: string, by: string, starting: string | null = null) =>
      whyNotWithdrawn(stateOf('a', 'b'), { id, by, reason: '' }, starting, 'diabetes');

    expect(why('b', 'bob', 'a')).toBeUndefined();
    expect(why('a', ' ')).toBe('withdraw needs to know who acts; give "by"');
    expect(why('c', 'bob')).toBe('no rollout with the id c waits for diabetes');
  });

  it('is not taken back from one that is being started: it would run all the same', () => {
    expect(whyNotWithdrawn(stateOf('a', 'b'), { id: 'a', by: 'bob', reason: '' }, 'a', 'diabetes')).toBe(
      'it is being started; abort the rollout instead',
    );
  });

  it('is given up for a fate, of which the newest ten are kept', () => {
    let state = stateOf('a', 'b');
    for (let nth = 1; nth <= 10; nth++)
      state = settled(state, { id: `${nth}`, fate: 'dropped', because: '' });
    state = settled(state, { id: 'a', fate: 'started', because: '', runId: 'run' });

    expect(idsOf(state)).toEqual(['b']);
    expect(state.fates.map(({ id }) => id)).toEqual(['2', '3', '4', '5', '6', '7', '8', '9', '10', 'a']);
    expect(queueMemo(state)).toEqual({
      waiting: [{ id: 'b', by: 'bob', spec: 'b.yml', green: 'green', sinceMs: 7 }],
      fates: state.fates,
    });
  });
});
