import { describe, expect, it } from 'vitest';
import { parseLogLine } from '../../../host/pairs/log-line.js';
import { PairMatcher } from '../../../host/pairs/matcher.js';

const LIVE = 'local~ep~blue~live';
const COPY = 'local~ep~green~copies';
const NONE = { n00: 0, n01: 0, n10: 0, n11: 0 };
const NO_HALVES = { blue: { requests: 0, errors: 0 }, green: { requests: 0, errors: 0 } };

const start = (id: string) => `DownstreamStart ${id} 0 ${COPY}`;
const end = (id: string, status: number) => `DownstreamEnd ${id} ${status} -`;
const live = (id: string, status: number, cluster = LIVE) => `L ${id} ${status} ${cluster}`;

/** @param lines - text, or a number: milliseconds that pass. */
function matched(...lines: readonly (string | number)[]) {
  const matcher = new PairMatcher();
  let nowMs = 1_000_000;
  for (const line of lines) {
    if (typeof line === 'number') {
      nowMs += line;
      matcher.expire(nowMs);
      continue;
    }
    const parsed = parseLogLine(line);
    if (parsed) matcher.take(parsed, nowMs);
  }
  return matcher.counts();
}

const ofBlueAndGreen = (cells: object) => [
  { live: 'local~ep~blue', mirror: 'local~ep~green', cells: { ...NONE, ...NO_HALVES, ...cells } },
];
const ID = 'request-1';

describe('PairMatcher', () => {
  it.each([
    ['n00', 200, 200],
    ['n01', 200, 500],
    ['n10', 424, 200],
    ['n11', 424, 503],
    ['n01', 200, 201],
    ['n01', 200, 0],
  ])('counts a request as %s when live answered %i and the copy %i', (cell, first, second) => {
    const expected = ofBlueAndGreen({ [cell]: 1 });

    expect(matched(start(ID), live(ID, first), end(ID, second))).toEqual(expected);
    expect(matched(start(ID), end(ID, second), live(ID, first))).toEqual(expected);
    expect(matched(live(ID, first), start(ID), end(ID, second))).toEqual(expected);
  });

  it('counts nothing before both answers are there, however long the copy hangs', () => {
    expect(matched(start(ID), live(ID, 200), 300_000)).toEqual([]);
    expect(matched(start(ID), live(ID, 200), 300_000, end(ID, 0))).toEqual(ofBlueAndGreen({ n01: 1 }));
  });

  it('leaves out a live request that was not copied', () => {
    expect(matched(live(ID, 500), 20_000)).toEqual([]);
  });

  it('leaves out a copy that was sent before it listened', () => {
    expect(matched(end(ID, 500), live(ID, 200), 20_000)).toEqual([]);
  });

  it.each([
    [200, 0],
    [500, 1],
  ])('counts the copy of a request whose client left as a half: %i', (status, errors) => {
    expect(matched(start(ID), live(ID, 0), end(ID, status))).toEqual(
      ofBlueAndGreen({ green: { requests: 1, errors } }),
    );
  });

  it('counts an answer whose other half never came as a half', () => {
    expect(matched(start(ID), live(ID, 500), 600_000)).toEqual(
      ofBlueAndGreen({ blue: { requests: 1, errors: 1 } }),
    );
    expect(matched(start(ID), end(ID, 500), 600_000)).toEqual([
      {
        live: '',
        mirror: 'local~ep~green',
        cells: { ...NONE, ...NO_HALVES, green: { requests: 1, errors: 1 } },
      },
    ]);
  });

  it('tells live deployments apart', () => {
    const other = live('request-2', 200, 'local~ep~red~live');

    const counts = matched(
      start(ID),
      live(ID, 200),
      end(ID, 200),
      start('request-2'),
      other,
      end('request-2', 200),
    );

    expect(counts.map(({ live, mirror }) => `${live} ${mirror}`)).toEqual([
      'local~ep~blue local~ep~green',
      'local~ep~red local~ep~green',
    ]);
  });

  it('says when more requests wait than it remembers', () => {
    const matcher = new PairMatcher();
    const take = (n: number) => matcher.take({ kind: 'start', id: `request-${n}`, cluster: COPY }, 0);

    for (let n = 0; n < 150_000; n++) take(n);
    expect(matcher.isFull).toBe(false);
    take(150_000);
    expect(matcher.isFull).toBe(true);
  });
});

describe('a line of the log', () => {
  it.each([
    '',
    'L request-1 200',
    'L request-1 20x blue',
    'L - 200 blue',
    'L request-1 401 -',
    'hello there',
  ])('says nothing when it is %j', (text) => {
    expect(parseLogLine(text)).toBeUndefined();
  });
});
