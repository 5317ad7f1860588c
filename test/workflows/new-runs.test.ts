import { expect, it, vi } from 'vitest';

import type { TargetPorts } from '../../adapters/ports.js';
import { MemoryTarget, outage } from '../support/memory-target.js';
import { APPROVE, by, CREATE, CUTOVER, LONG, planOf, rampStep, SHORT_WINDOWS } from '../support/plans.js';
import { useBench, type Rollout } from '../support/rollout-bench.js';

const bench = useBench();

/** Resolves when the rollout, which waits for somebody, has gone on as a new run. */
async function goneOn({ handle }: Rollout): Promise<void> {
  const { runId } = await handle.describe();
  const gone = async (): Promise<boolean> => (await handle.describe()).runId !== runId;
  await vi.waitUntil(gone, { timeout: 60_000, interval: 200 });
}

it.concurrent(
  'an approval of what is paused and undecided is taken by a run that went on as a new one',
  async () => {
    const target = new MemoryTarget();
    target.requestsPerSecond = 1;
    const undecided = rampStep(10, { dwell: { atLeastMs: 0, atMostMs: 200 }, undecided: 'hold' });
    const rollout = await bench.start(
      planOf('approved-paused', [CREATE, undecided, CUTOVER], { watching: SHORT_WINDOWS }),
      target,
    );
    await rollout.until((s) => s.hold?.kind === 'undecided');
    await rollout.send('pause', by);
    await goneOn(rollout);

    expect(await rollout.send('approve', by)).toBe('approved');
    await rollout.until((s) => s.stepIndex === 2);

    expect(target.traffic.live).toEqual({ blue: 90, green: 10 });
    await rollout.send('resume', by);
    expect((await rollout.promoted()).outcome).toBe('promoted');
  },
);

it.concurrent(
  'a change from outside that was found before green was created holds also a run that went on as a new one',
  async () => {
    const target = new MemoryTarget();
    const checking = outage(target, 'read');
    const rollout = await bench.start(
      planOf('held-uncreated', [CREATE, CUTOVER], { watching: SHORT_WINDOWS }),
      target,
    );
    await checking.met;
    await rollout.send('pause', by);
    checking.over();
    await rollout.until((s) => s.phase === 'paused');
    target.addDeployment('red');
    target.changeTraffic({ live: { blue: 50, red: 50 }, mirror: {} });
    await rollout.until((s) => s.hold?.kind === 'drift');
    await rollout.send('resume', by);
    await goneOn(rollout);

    await rollout.until((s) => s.hold?.kind === 'drift');
    expect(target.deployments.has('green')).toBe(false);
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    expect((await rollout.promoted()).outcome).toBe('promoted');
  },
);

it.concurrent(
  'a message that is sent again, since its answer got lost, is answered as before by a run that went on as a new one',
  async () => {
    const rollout = await bench.start(
      planOf('paused-once', [CREATE, rampStep(10), CUTOVER], { watching: SHORT_WINDOWS }),
      new MemoryTarget(),
    );
    const answer = await rollout.send('pause', by, 'once');
    await goneOn(rollout);

    expect(await rollout.send('pause', by, 'once')).toBe(answer);

    expect((await rollout.status()).actions).toMatchObject([{ kind: 'pause', by: 'ada' }]);
    await rollout.send('resume', by);
    expect((await rollout.promoted()).outcome).toBe('promoted');
  },
);

it.concurrent(
  'an approval that is sent again does not answer what a run that went on as a new one asks',
  async () => {
    const rollout = await bench.start(
      planOf('approved-once', [CREATE, APPROVE, rampStep(10), APPROVE, CUTOVER], { watching: SHORT_WINDOWS }),
      new MemoryTarget(),
    );
    await rollout.until((s) => s.phase === 'waiting-for-approval');
    await rollout.send('approve', by, 'once');
    await rollout.until((s) => s.stepIndex === 3 && s.phase === 'waiting-for-approval');
    await goneOn(rollout);

    expect(await rollout.send('approve', by, 'once')).toBe('approved');

    expect(await rollout.status()).toMatchObject({
      phase: 'waiting-for-approval',
      actions: [{ kind: 'approve', by: 'ada' }],
    });
    await rollout.send('approve', by);
    expect((await rollout.promoted()).actions).toHaveLength(2);
  },
);

it.concurrent(
  'a cancellation while a look is waited for is not lost where the run goes on as a new one after it',
  async () => {
    const target = new MemoryTarget();
    const slow = slowLooks(target);
    const rollout = await bench.start(planOf('cancelled-between', [CREATE, LONG]), slow);
    await rollout.until(() => target.looks > 3);
    const { runId } = await rollout.handle.describe();

    await slow.hold();
    // The first word ends the look; all of them together are many turns.
    for (let i = 0; i < 12; i++) {
      await rollout.send('pause', by);
      await rollout.send('resume', by);
    }
    await rollout.handle.cancel();
    // Answered when the cancellation has been taken in.
    await rollout.status();
    expect((await rollout.handle.describe()).runId).toBe(runId);
    slow.release();
    const { type, message } = await rollout.failure();

    expect(type).toBe('Aborted');
    expect(message).toContain('is back at blue 100 % (read back): cancelled from outside Greenlight');
    expect(target.traffic.live).toEqual({ blue: 100 });
  },
);

/** The target, whose metrics do not answer between `hold`, which resolves when they are asked, and `release`. */
function slowLooks(target: MemoryTarget) {
  let held: { readonly asked: () => void; readonly released: Promise<void> } | null = null;
  let release = (): void => undefined;
  const ports = (): TargetPorts => {
    const { metrics, ...others } = target.ports();
    const read: typeof metrics.read = async (...asked) => {
      held?.asked();
      await held?.released;
      return metrics.read(...asked);
    };
    return { ...others, metrics: { ...metrics, read } };
  };
  const hold = (): Promise<void> => {
    const released = new Promise<void>((resolve) => (release = resolve));
    return new Promise((asked) => (held = { asked, released }));
  };
  return { ports, hold, release: () => release() };
}
