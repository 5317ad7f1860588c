import { render } from 'ink-testing-library';
import { createElement } from 'react';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addLook } from '../../../cli/watch/gate-rows.js';
import { screenOf } from '../../../cli/watch/screen.js';
import { View, type ViewProps } from '../../../cli/watch/view.js';
import type { RolloutStatus } from '../../../core/messages.js';
import { ERRORS, START_MS, statusOf } from '../statuses.js';

const RUNNING = statusOf({
  times: { sinceMs: START_MS + 12_000, atLeastMs: 120_000, atMostMs: 600_000 },
  evidence: [{ ...ERRORS, lower: -0.0042, upper: 0.0071, towardPass: 0.71, towardBreach: 0.04 }],
});

interface Opened {
  readonly acted: string[];
  readonly frame: () => string;
  /** Types, and waits until the view has taken it in. */
  readonly type: (...keys: readonly string[]) => Promise<void>;
}

function open(status: RolloutStatus | null, more: Partial<ViewProps> = {}): Opened {
  const acted: string[] = [];
  const screen = status === null ? null : screenOf(status, addLook(new Map(), status), START_MS + 72_000);
  const app = render(
    createElement(View, {
      screen,
      recent: ['14:03:10  traffic: blue 90 %, green 10 %'],
      width: 80,
      height: 40,
      colour: false,
      onAct: (name, reason) => acted.push(`${name}: ${reason}`),
      onLeave: () => acted.push('leave'),
      ...more,
    }),
  );
  onTestFinished(() => app.unmount());
  return {
    acted,
    frame: () => app.lastFrame() ?? '',
    type: async (...keys) => {
      for (const key of keys) {
        // Effects bring the handler of the newest state; they run before the next turn.
        await new Promise(setImmediate);
        app.stdin.write(key);
        await new Promise(setImmediate);
      }
    },
  };
}

const ENTER = '\r';
const ESC = '\u001B';
const CTRL_C = '\u0003';

describe('the live view', () => {
  it('tells a rollout in 80 columns, without colour', () => {
    const frame = open(RUNNING).frame();

    expect(frame).toBe(
      [
        'diabetes on host/local: blue → green                             ramping · 1m12s',
        '',
        '✓ create green is ready (12s)',
        '▶ ramp 10 %  █▌░░░░░░░░░░░░░░ 1m of 2m .. 10m, 9m left',
        '· approve',
        '· cutover',
        '',
        'live   blue  ████████████████████████████████████░░░░  90 %',
        'live   green ████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  10 %',
        '',
        'errors open       green 3 of 412 (0.728%), blue 11 of 3,690 (0.298%)',
        '       at most 0.5 pp more than blue; surely -0.42 pp … 0.71 pp, 0.5 pp allowed',
        '       proven ███████░░░  71 %  rollback ▌░░░░░░░░░   4 %  ▄',
        '',
        'next: approve, as soon as every required gate is proven',
        '14:03:10  traffic: blue 90 %, green 10 %',
        '',
        '[p] pause  [x] abort  [q] leave (it goes on)',
      ].join('\n'),
    );
    expect(Math.max(...frame.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(frame).not.toContain(ESC);
  });

  it('says that it waits for its first answer', () => {
    expect(open(null).frame()).toContain('asks the rollout where it stands');
  });

  it('stays within a low terminal: the steps around the one under way', () => {
    const stepLabels = Array.from({ length: 30 }, (_, i) => `ramp ${i + 1} %`);
    const steps = stepLabels.slice(0, 20).map((label) => ({ ...statusOf().steps[0], label })) as never;

    const frame = open(statusOf({ stepLabels, steps, stepIndex: 20 }), { height: 24 }).frame();

    expect(frame.split('\n').length).toBeLessThan(24);
    expect(frame).toContain('▶ ramp 21 %');
    expect(frame).toMatch(/… \d+ done before/);
  });

  it('stays within it also with an answer of many lines', () => {
    const stepLabels = Array.from({ length: 30 }, (_, i) => `ramp ${i + 1} %`);
    const because = 'the target is away; '.repeat(25);
    const retrying = { activity: 'setTraffic', attempt: 4, sinceMs: START_MS, because };

    const frame = open(statusOf({ stepLabels, retrying }), { height: 30 }).frame();

    expect(frame.split('\n').length).toBeLessThan(30);
    expect(frame).toContain('retrying: set the traffic, attempt 4');
  });

  it('gives each gate one line where there is little room', () => {
    const evidence = ['errors', 'slow', 'slo', 'spare'].map((gate) => ({ ...ERRORS, gate }));
    const frame = open(statusOf({ evidence }), { height: 24 }).frame();

    expect(frame.split('\n').length).toBeLessThan(24);
    expect(frame).toContain('slow   open       proven   0 %  rollback   0 %');
  });
});

describe('its keys', () => {
  const ASKED = statusOf({
    phase: 'waiting-for-approval',
    actionsNow: [
      'greenlight approve diabetes',
      'greenlight reject diabetes --reason …',
      'greenlight abort diabetes --reason …',
    ],
  });

  it('approve, with a reason or without', async () => {
    const view = open(ASKED);

    await view.type('a', ENTER);
    await view.type('a', 'fine', ENTER);

    expect(view.acted).toEqual(['approve: ', 'approve: fine']);
  });

  it('abort only with a reason, which can be corrected', async () => {
    const view = open(ASKED);

    await view.type('x', ENTER);
    expect(view.frame()).toContain('abort: why? ▏ Enter does it, Esc does not');
    await view.type('b', 'u', 'h', '\u007F', 'g', ENTER);

    expect(view.acted).toEqual(['abort: bug']);
  });

  it('understand what comes in one piece', async () => {
    const view = open(ASKED);

    await view.type('a', 'looks right\r');

    expect(view.acted).toEqual(['approve: looks right']);
  });

  it('take an action back with Esc', async () => {
    const view = open(ASKED);

    await view.type('x', 'n', 'o', ESC);
    await expect.poll(() => view.frame()).toContain('[x] abort');

    expect(view.acted).toEqual([]);
  });

  it('do nothing that does not fit now', async () => {
    const view = open(ASKED);

    await view.type('p', 'z', ENTER);

    expect(view.acted).toEqual([]);
  });

  it('leave with q, and with Ctrl-C even while a reason is asked for', async () => {
    const view = open(ASKED);

    await view.type('q', 'x', CTRL_C);

    expect(view.acted).toEqual(['leave', 'leave']);
  });
});
