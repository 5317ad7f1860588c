import { describe, expect, it } from 'vitest';

import { enterStep, look, type Looked } from '../../core/look.js';
import type { MetricsSnapshot } from '../../core/metrics.js';
import { leaveStep, type WatchInput, type WatchMemory } from '../../core/watch.js';
import { counters, input, plan, snapshot } from './looks.js';

describe('look', () => {
  it.each([
    ['passes a healthy green', 0, 'pass'],
    ['breaches on a bad one', 0.5, 'breach'],
  ])('%s by a source that gathers by the minute and is minutes behind', (_what, errors, expected) => {
    const given = input({ watching: { ...plan.watching, intervalMs: 5000 }, active: ['errors'] });
    const minutely = { ...given, gates: given.gates.filter(({ name }) => name === 'errors') };
    let memory = enterStep(minutely, 0);
    let verdict = 'window-over';
    const blind: (number | null)[] = [];
    for (let s = 0; s <= 900 && verdict === 'window-over'; s += 5) {
      const dataAtSec = Math.floor(s / 60) * 60;
      const taken: MetricsSnapshot = {
        ...snapshot(s * 1000, counters(100 * dataAtSec), counters(20 * dataAtSec, 20 * dataAtSec * errors)),
        ageMs: 180_000 + (s - dataAtSec) * 1000,
        cadence: { everyMs: 60_000, behindMs: 180_000 },
      };
      ({ memory, verdict } = look(
        { ...minutely, dwell: { atLeastMs: 2000, atMostMs: 900_000 } },
        memory,
        taken,
        s * 1000,
      ));
      blind.push(memory.blindSinceMs);
    }

    expect(verdict).toBe(expected);
    expect(blind.slice(1).every((since) => since === null)).toBe(true);
  });

  describe('by a source that is minutes behind, once green has another share', () => {
    /** Two steps, with looks every 5 s at what Azure Monitor would tell of 1000 requests a second. */
    function twoSteps(
      greenErrors: (share: number, secInStep: number) => number,
      more: Partial<WatchInput> = {},
      shares: readonly number[] = [10, 50],
    ) {
      const counted = [{ blue: 0, green: 0, errors: 0 }];
      const told: { share: number; atSec: number; dataSec: number; looked: Looked }[] = [];
      let memory: WatchMemory | null = null;
      for (const [i, share] of shares.entries()) {
        const given = input({
          stepIndex: i + 1,
          expected: { live: { blue: 100 - share, green: share }, mirror: {} },
          watching: { ...plan.watching, intervalMs: 5000, warmUpMs: 30_000 },
          gates: plan.gates.filter(({ name }) => name === 'errors'),
          active: ['errors'],
          dwell: { atLeastMs: 120_000, atMostMs: 900_000 },
          plannedMs: 1_800_000,
          ...more,
        });
        // In the middle of a minute, after ten at the share before.
        const entered = i === 0 ? 630 : counted.length - 1;
        while (counted.length <= entered) counted.push({ blue: counted.length * 1000, green: 0, errors: 0 });
        memory = enterStep({ ...given, memory: memory && leaveStep(memory) }, entered * 1000);
        for (let sec = entered; sec <= entered + 900; sec += 5) {
          const untilSec = Math.floor((sec - 180) / 60) * 60;
          const { blue, green, errors } = counted[untilSec] as (typeof counted)[0];
          const taken = {
            ...snapshot(sec * 1000, counters(blue), counters(green, Math.round(errors))),
            ageMs: (sec - untilSec) * 1000,
            cadence: { everyMs: 60_000, behindMs: 180_000 },
          };
          const looked: Looked = look(given, memory, taken, sec * 1000);
          memory = JSON.parse(JSON.stringify(looked.memory)) as WatchMemory;
          told.push({ share, atSec: sec - entered, dataSec: untilSec - entered, looked });
          if (looked.verdict !== 'window-over') break;
          for (let n = 1; n <= 5; n++) {
            const last = counted.at(-1) as (typeof counted)[0];
            const bad = share * 10 * greenErrors(share, sec - entered + n);
            counted.push({
              blue: last.blue + 1000 - share * 10,
              green: last.green + share * 10,
              errors: last.errors + bad,
            });
          }
        }
        if (told.at(-1)?.looked.verdict !== 'pass') break;
      }
      return told;
    }
    const decided = (told: ReturnType<typeof twoSteps>) =>
      told.filter(({ looked }) => looked.verdict !== 'window-over');

    it('proves each step by data of its own share, and takes so much longer', () => {
      const told = twoSteps(() => 0, { dwell: { atLeastMs: 120_000, atMostMs: 130_000 } });

      expect(decided(told)).toMatchObject([
        { share: 10, looked: { verdict: 'pass' } },
        { share: 50, looked: { verdict: 'pass' } },
      ]);
      for (const { share, dataSec, looked } of decided(told)) {
        expect(dataSec).toBeGreaterThanOrEqual(120);
        expect(dataSec).toBeLessThanOrEqual(180);
        const [errors] = looked.evidence.filter(({ gate }) => gate === 'errors');
        const requests = errors?.green.requests ?? 0;
        expect(requests).toBeGreaterThan(0);
        expect(requests % (share * 600)).toBe(0); // whole minutes of this share
      }
      const { sentence } = told.find(({ share, atSec }) => share === 50 && atSec === 60)?.looked as Looked;
      expect(sentence).toMatch(/^the newest metrics end .* before this step began: /);
      expect(told.some(({ looked }) => /hanging/.test(looked.sentence))).toBe(false);
    });

    it('does not pass a green that breaks at its new share', () => {
      // Shares so close to each other that green is not found starving at the second one, by data of the first.
      const told = twoSteps((share) => (share === 40 ? 0.5 : 0), {}, [30, 40]);

      expect(decided(told)).toMatchObject([
        { share: 30, looked: { verdict: 'pass' } },
        { share: 40, looked: { verdict: 'breach' } },
      ]);
    });

    it('counts against green what comes to light of the share before', () => {
      const told = twoSteps((share, sec) => (share === 50 || sec > 180 ? 0.6 : 0));

      const before = told.filter(({ share, dataSec }) => share === 50 && dataSec <= 0);
      const evidence = before.flatMap(({ looked }) =>
        looked.evidence.filter(({ gate }) => gate === 'errors'),
      );
      expect(evidence.at(-1)?.green.bad).toBeGreaterThan(3_000);
      expect(evidence.at(-1)?.lnBreach).toBeGreaterThan((evidence[0]?.lnBreach ?? 0) + 1);
      expect(decided(told).at(-1)).toMatchObject({ share: 50, looked: { verdict: 'breach' } });
      expect(before.some(({ looked }) => looked.sentence.includes('in this step'))).toBe(false);
    });

    it('does not charge green for its warm-up', () => {
      const told = twoSteps((_, sec) => (sec <= 30 ? 0.3 : 0));

      expect(decided(told).map(({ looked }) => looked.verdict)).toEqual(['pass', 'pass']);
    });

    it('is undecided in time where the source goes away before it tells of the step', () => {
      const given = input({ stepIndex: 3, dwell: { atLeastMs: 2000, atMostMs: 200_000 } });
      const [first] = twoSteps(() => 0).slice(-1);
      let memory = enterStep({ ...given, memory: (first as { looked: Looked }).looked.memory }, 2_000_000);
      let verdict = 'window-over';
      let sec = 2_000;
      for (; verdict === 'window-over' && sec < 3_000; sec++) {
        ({ memory, verdict } = look(given, memory, null, sec * 1000));
      }

      expect(verdict).toBe('undecided');
      expect(sec).toBeLessThan(2_210);
    });
  });
});
