import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { FailureType } from '../../core/failures.js';
import { activityMetrics } from '../../worker/activity-metrics.js';
import { createMetrics } from '../../worker/metrics.js';

type Context = Parameters<ReturnType<typeof activityMetrics>>[0];

/** What Prometheus would read after one attempt of an activity. */
async function after(
  activityType: string,
  work: () => Promise<unknown>,
  input: unknown = {},
): Promise<string> {
  const metrics = createMetrics();
  const { inbound } = activityMetrics(metrics)({ info: { activityType } } as Context);
  await inbound?.execute?.({ args: [input], headers: {} }, work).catch(() => undefined);
  return metrics.registry.metrics();
}

describe('activityMetrics', () => {
  it.each`
    outcome            | work
    ${'completed'}     | ${() => Promise.resolve()}
    ${'cancelled'}     | ${() => Promise.reject(new CancelledFailure('stop'))}
    ${'PortThrottled'} | ${() => Promise.reject(ApplicationFailure.retryable('slow down', FailureType.PortThrottled))}
    ${'TypeError'}     | ${() => Promise.reject(new TypeError('a fault of ours'))}
  `(
    'counts an attempt that ends as $outcome',
    async ({ outcome, work }: { outcome: string; work: () => Promise<unknown> }) => {
      const text = await after('setTraffic', work);

      expect(text).toContain(`rollout_activity_attempts_total{activity="setTraffic",outcome="${outcome}"} 1`);
      expect(text).toContain('rollout_activity_duration_seconds_count{activity="setTraffic"} 1');
    },
  );

  it('lets the failure of an activity through as it is', async () => {
    const failure = ApplicationFailure.nonRetryable('no', FailureType.PortPermanent);
    const { inbound } = activityMetrics(createMetrics())({ info: { activityType: 'smoke' } } as Context);

    await expect(inbound?.execute?.({ args: [], headers: {} }, () => Promise.reject(failure))).rejects.toBe(
      failure,
    );
  });

  it('counts the verdict of a watched window, and how each gate stood', async () => {
    const result = {
      verdict: 'breach',
      evidence: [
        { gate: 'errors', standing: 'breach' },
        { gate: 'latency', standing: 'open' },
      ],
    };

    const text = await after('watch', () => Promise.resolve(result), {
      endpoint: 'diabetes',
      target: { kind: 'host', workspace: 'local' },
      green: 'green',
      expected: { live: { green: 10 }, mirror: {} },
      gates: [{ name: 'errors' }, { name: 'latency' }],
    });

    expect(text).toContain('rollout_watch_verdicts_total{endpoint="diabetes",verdict="breach"} 1');
    // A series has to begin at 0, or its first increase is not seen.
    expect(text).toContain('rollout_watch_verdicts_total{endpoint="diabetes",verdict="pass"} 0');
    expect(text).toContain(
      'rollout_gate_verdicts_total{endpoint="diabetes",gate="errors",verdict="breach"} 1',
    );
    expect(text).toContain(
      'rollout_gate_verdicts_total{endpoint="diabetes",gate="latency",verdict="open"} 1',
    );
    expect(text).toContain(
      'rollout_gate_verdicts_total{endpoint="diabetes",gate="latency",verdict="breach"} 0',
    );
  });
});
