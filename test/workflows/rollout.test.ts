import { describe, expect, it } from 'vitest';

import { MemoryTarget } from '../support/memory-target.js';
import {
  bakeStep,
  CREATE,
  CUTOVER,
  DELETE_BASELINE,
  mirrorStep,
  planOf,
  rampStep,
  SMOKE,
  STANDARD,
} from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

const bench = useBench();

describe('a healthy green', () => {
  it('is promoted through all steps, and the baseline is deleted last', async () => {
    const target = new MemoryTarget();

    const rollout = await bench.start(planOf('healthy', STANDARD), target);
    const report = await rollout.promoted();

    expect(report).toMatchObject({ outcome: 'promoted', baseline: 'blue', green: 'green', left: [] });
    expect(report.reason).toBe('healthy is served by green');
    expect(report.steps.map((s) => s.label)).toEqual([
      'create',
      'smoke',
      'mirror 10 %',
      'ramp 10 %',
      'ramp 25 %',
      'ramp 50 %',
      'cutover',
      'bake 500ms',
      'delete-baseline',
    ]);
    expect(Object.keys(report.dispersion).sort()).toEqual(['crash-guard', 'errors', 'slow']);
    expect(target.traffic).toEqual({ live: { green: 100 }, mirror: {} });
    expect([...target.deployments.keys()]).toEqual(['green']);
    expect(target.writes).toEqual([
      'create green',
      'invoke green',
      'invoke green',
      'invoke green',
      'traffic {"live":{"blue":100},"mirror":{"green":10}}',
      'traffic {"live":{"blue":90,"green":10},"mirror":{}}',
      'traffic {"live":{"blue":75,"green":25},"mirror":{}}',
      'traffic {"live":{"blue":50,"green":50},"mirror":{}}',
      'traffic {"live":{"green":100},"mirror":{}}',
      'delete blue',
    ]);
    const history = await rollout.handle.fetchHistory();
    expect(history.events?.length).toBeLessThan(150);
  });

  it('says in words why each watched step passed, and who serves in the end', async () => {
    const target = new MemoryTarget();

    const rollout = await bench.start(planOf('words', [CREATE, rampStep(50)]), target);
    const report = await rollout.promoted();

    expect(report.steps[1]?.result).toMatch(
      /errors proven: green answered 0 of [\d,]+ with an error, blue 0 of/,
    );
    expect(report.steps[1]?.evidence.map((e) => e.gate)).toEqual(['crash-guard', 'errors', 'slow']);
    expect(report.reason).toBe('words is served by blue 50 %, green 50 %');
  });
});

describe('a bad green', () => {
  it('is rolled back by the gate that it breaks, traffic before the deployment', async () => {
    const target = new MemoryTarget();
    target.behaviour.set('green', { errors: 0.5, slow: 0 });

    const rollout = await bench.start(planOf('bad', [CREATE, rampStep(10), CUTOVER]), target);
    const { type, message, report } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(message).toMatch(
      /^bad is back at blue 100 % \(read back\): green answered .* with an error, blue 0 of/,
    );
    expect(report.outcome).toBe('rolled-back');
    expect(report.rollbackMs).toBeGreaterThan(0);
    expect(report.steps.at(-1)).toMatchObject({ label: 'ramp 10 %', stopped: true, result: report.reason });
    expect(report.steps.at(-1)?.evidence.find((e) => e.gate === 'errors')?.green.bad).toBeGreaterThan(0);
    expect(target.writes.slice(-2)).toEqual(['traffic {"live":{"blue":100},"mirror":{}}', 'delete green']);
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('never gets live traffic when the mirror step already shows it', async () => {
    const target = new MemoryTarget();
    target.behaviour.set('green', { errors: 0, slow: 0.9 });

    const rollout = await bench.start(planOf('mirrored', [CREATE, mirrorStep(10), rampStep(10)]), target);
    const { type, message } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(message).toContain('slower than 100 ms');
    expect(target.everLive.every(({ live }) => live['green'] === undefined)).toBe(true);
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('is rolled back in the bake too, by what the baseline did before', async () => {
    const target = new MemoryTarget();

    const rollout = await bench.start(
      planOf('baking', [CREATE, rampStep(50), CUTOVER, bakeStep(60_000)]),
      target,
    );
    await rollout.until((s) => s.phase === 'baking');
    target.behaviour.set('green', { errors: 0.3, slow: 0 });
    const { type } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
    expect([...target.deployments.keys()]).toEqual(['blue']);
  });

  it('is kept for debugging on request', async () => {
    const target = new MemoryTarget();
    target.behaviour.set('green', { errors: 1, slow: 0 });

    const rollout = await bench.start(
      planOf('kept', [CREATE, rampStep(10)], { afterRollback: 'keep-green' }),
      target,
    );
    await rollout.failure();

    expect([...target.deployments.keys()]).toEqual(['blue', 'green']);
    expect(target.traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('that fails its smoke test never gets traffic of any kind', async () => {
    const target = new MemoryTarget();
    target.smokeStatus = 424;

    const rollout = await bench.start(planOf('smoked', [CREATE, SMOKE, mirrorStep(10)]), target);
    const { type, message } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(message).toContain('request 1 of 3 was answered 424 instead of 200: {"answer":"from memory"}');
    expect(target.writes.filter((w) => w.startsWith('traffic'))).toEqual([]);
    expect([...target.deployments.keys()]).toEqual(['blue']);
  });

  it('that keeps crashing is rolled back whatever its counters say', async () => {
    const target = new MemoryTarget();

    const rollout = await bench.start(
      planOf('crashing', [CREATE, rampStep(10, { dwell: { atLeastMs: 60_000, atMostMs: 60_000 } })]),
      target,
    );
    await rollout.until(() => target.looks > 4);
    target.addDeployment('green', { restarts: 3, tags: {} });
    const { message } = await rollout.failure();

    expect(message).toContain(
      'instances of green were restarted 3 times since it got traffic: it keeps crashing',
    );
  });
});

describe('preflight', () => {
  it('refuses with all problems at once, and changes nothing', async () => {
    const target = new MemoryTarget();
    target.addDeployment('green');
    target.traffic = { live: { blue: 60 }, mirror: {} };

    const rollout = await bench.start(planOf('refused', STANDARD), target);
    const { type, message } = await rollout.failure();

    expect(type).toBe('Rejected');
    expect(message).toContain('The live shares of refused sum to 60 (blue 60 %); they must sum to 100');
    expect(message).toContain('refused has a deployment green already (ready, 1 of 1 instances ready)');
    expect(target.writes).toEqual([]);
  });

  it('adopts green on request, and a rollback leaves it', async () => {
    const target = new MemoryTarget();
    target.addDeployment('green');
    target.behaviour.set('green', { errors: 1, slow: 0 });

    const rollout = await bench.start(planOf('adopted', [CREATE, rampStep(10)], { adopt: true }), target);
    await rollout.failure();

    expect(target.writes).not.toContain('create green');
    expect([...target.deployments.keys()]).toEqual(['blue', 'green']);
  });
});

describe('the baseline', () => {
  it('is deleted only after its last request and never while a share points at it', async () => {
    const target = new MemoryTarget();

    const rollout = await bench.start(planOf('last', [CREATE, CUTOVER, DELETE_BASELINE]), target);
    await rollout.promoted();

    expect(target.writes.slice(-2)).toEqual(['traffic {"live":{"green":100},"mirror":{}}', 'delete blue']);
  });

  it('that somebody makes anew as it goes is left to them, and the step says so', async () => {
    const target = new MemoryTarget();
    target.addDeployment('blue', { id: '1' });
    target.fault = (call) => {
      const isGone = target.writes.includes('delete blue') && !target.deployments.has('blue');
      if (call === 'readDeployment' && isGone) target.addDeployment('blue', { id: '2' });
      return undefined;
    };

    const rollout = await bench.start(planOf('anew', [CREATE, CUTOVER, DELETE_BASELINE]), target);
    const { steps } = await rollout.promoted();

    expect(steps.at(-1)?.result).toBe('blue is gone; somebody has made another under its name');
    expect(target.deployments.get('blue')).toMatchObject({ id: '2' });
  });

  it('that cannot be deleted is a note on a promotion, not a failure', async () => {
    const target = new MemoryTarget();
    target.fault = (call) => (call === 'deleteDeployment' ? 'throw-permanent' : undefined);

    const rollout = await bench.start(planOf('stays', [CREATE, CUTOVER, DELETE_BASELINE]), target);
    const report = await rollout.promoted();

    expect(report.notes).toEqual([
      'blue could not be deleted: deleteDeployment is forbidden by request of the test',
    ]);
  });
});
