import { describe, expect, it } from 'vitest';

import type { Drift } from '../../core/drift.js';
import type { DeploymentState, EndpointState } from '../../core/endpoint.js';
import { enterStep, type Looked } from '../../core/look.js';
import type { WatchResult } from '../../core/watch.js';
import { baselineAnswers, verdictOf, windowCut, windowOver } from '../../core/window.js';
import { input } from './looks.js';

const given = input();
const memory = enterStep(given, 0);
const looked = (verdict: Looked['verdict']): Looked => ({
  memory,
  verdict,
  sentence: `the gates say ${verdict}`,
  evidence: [],
  blind: null,
});
const BACK = { live: { blue: 100 }, mirror: {} };
const DRIFT: Drift = { observed: BACK, scaled: [{ deployment: 'blue', from: 2, to: 0 }] };
const nothing: Parameters<typeof verdictOf>[2] = { drift: null, trouble: null, unread: null };

describe('the verdict of a look', () => {
  it.each<[string, Looked['verdict'], Partial<typeof nothing>, object]>([
    ['is that of the gates', 'pass', {}, { verdict: 'pass', observed: null }],
    ['is somebody else’s change before a pass', 'pass', { drift: DRIFT }, { verdict: 'drift', ...DRIFT }],
    [
      'is a breach before somebody else’s change, which it tells, too',
      'breach',
      { drift: DRIFT },
      { verdict: 'breach', sentence: 'the gates say breach', ...DRIFT },
    ],
    [
      'is a breach where green’s instances fail, whatever the gates say',
      'pass',
      { trouble: 'green restarts', drift: DRIFT },
      { verdict: 'breach', sentence: 'green restarts', ...DRIFT },
    ],
    [
      'says nothing of what nobody could tell',
      'window-over',
      { drift: 'unknown' },
      { verdict: 'window-over', observed: null },
    ],
    [
      'tells why the endpoint cannot be read',
      'window-over',
      { unread: '403' },
      { verdict: 'window-over', unread: '403' },
    ],
  ])('%s', (_, verdict, beside, expected) => {
    expect(verdictOf(given, looked(verdict), { ...nothing, ...beside }, 0)).toMatchObject(expected);
  });

  it('does not tell again what the rollout is held for, and tells when that is over', () => {
    const held = { ...given, held: DRIFT };

    expect(verdictOf(held, looked('window-over'), { ...nothing, drift: DRIFT }, 0).verdict).toBe(
      'window-over',
    );
    expect(verdictOf(held, looked('window-over'), nothing, 0)).toMatchObject({
      verdict: 'drift',
      observed: given.written.traffic,
      scaled: [],
    });
  });
});

describe('a baseline', () => {
  const blue = (wanted: number, ready: number): EndpointState => {
    const one: DeploymentState = {
      name: 'blue',
      state: 'ready',
      instances: { wanted, ready },
      restarts: 0,
      tags: {},
    };
    return {
      name: 'diabetes',
      kind: 'managed',
      state: 'ready',
      traffic: BACK,
      scoringUri: '',
      deployments: [one],
    };
  };

  it.each<[string, EndpointState | null, Drift | null | 'unknown', boolean]>([
    ['answers with all that are wanted', blue(2, 2), null, true],
    ['does not while some are on their way', blue(2, 1), null, false],
    ['does not with none', blue(0, 0), null, false],
    ['does not where somebody has taken some away', blue(1, 1), DRIFT, false],
    ['answers whatever was done to the traffic', blue(2, 2), { observed: BACK, scaled: [] }, true],
    ['is not known to where nobody could ask the autoscaler', blue(2, 2), 'unknown', false],
    ['is not known to where the endpoint did not answer', null, null, false],
  ])('%s', (_, endpoint, drift, expected) => {
    expect(baselineAnswers(given, { endpoint, drift })).toBe(expected);
  });
});

describe('a window', () => {
  const last: WatchResult = {
    verdict: 'window-over',
    sentence: 'all well',
    evidence: [],
    observed: null,
    blind: null,
    memory,
  };

  it.each([
    ['ends the step where it was the last', { final: true }, 60_000, true],
    ['ends none where it was not', {}, 60_000, false],
    ['ends none where too little of the step was seen', { final: true, seenMs: 60_000 }, 59_999, false],
    ['ends the step where enough of it was seen', { final: true, seenMs: 60_000 }, 60_000, true],
  ])('%s', (_, more, nowMs, timeOver) => {
    expect(windowOver({ ...given, ...more }, last, nowMs).timeOver).toBe(timeOver);
  });

  it('counts no time of which nothing is known as seen', () => {
    const lost = { ...last, memory: { ...memory, lostMs: 5_000 } };

    expect(windowOver({ ...given, final: true, seenMs: 60_000 }, lost, 64_999).timeOver).toBe(false);
    expect(windowOver({ ...given, final: true, seenMs: 60_000 }, lost, 65_000).timeOver).toBe(true);
  });

  it('tells for how long it saw nothing', () => {
    const blind = { ...last, memory: { ...memory, blindSinceMs: 40_000 } };

    expect(windowOver(given, blind, 60_000).blindForMs).toBe(20_000);
    expect(windowOver(given, last, 60_000).blindForMs).toBe(0);
  });

  it('that is cut short before its first look says what the rollout says already', () => {
    const why = 'no look was taken since';

    expect(windowCut({ ...given, blind: true, unread: true }, null, memory)).toMatchObject({
      blind: why,
      unread: why,
    });
    expect(windowCut(given, null, memory)).not.toHaveProperty('unread');
    expect(windowCut({ ...given, blind: true }, last, memory)).toMatchObject({
      blind: null,
      sentence: 'all well',
    });
  });
});
