import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../worker/metrics.js';

/** What Prometheus reads of a worker that nothing has happened at. */
const atItsStart = (): Promise<string> => createMetrics().registry.metrics();

describe('a worker tells from its start', () => {
  it('that it is there, for the alert that pages where none does', async () => {
    expect(await atItsStart()).toMatch(/^rollout_rollback_duration_seconds_count 0$/m);
  });

  // Prometheus sees no increase in a series that begins at 1.
  it.each([
    'rollout_duration_seconds_count{outcome="promoted"} 0',
    'rollout_duration_seconds_count{outcome="rollback-incomplete"} 0',
    'rollout_step_duration_seconds_count{phase="creating",result="done"} 0',
    'rollout_step_duration_seconds_count{phase="ramping",result="stopped"} 0',
  ])('%s', async (line) => {
    expect((await atItsStart()).split('\n')).toContain(line);
  });

  it('zeros that no later rollout sets back', async () => {
    const metrics = createMetrics();
    const name = { endpoint: 'diabetes', target: 'host/local' };
    const step = { ...name, phase: 'ramping', durationMs: 1_000, stopped: false } as const;
    metrics.rollouts.begun(name);
    metrics.rollouts.stepEnded(step);
    metrics.rollouts.ended({ ...name, outcome: 'promoted', durationMs: 60_000, rollbackMs: null });

    metrics.rollouts.begun(name);
    metrics.rollouts.stepEnded(step);

    const lines = (await metrics.registry.metrics()).split('\n');
    expect(lines).toContain('rollout_duration_seconds_count{outcome="promoted"} 1');
    expect(lines).toContain('rollout_step_duration_seconds_count{phase="ramping",result="done"} 2');
  });
});
