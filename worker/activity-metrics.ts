import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { RolloutActivities } from '../core/activities.js';
import type { WatchInput, WatchResult } from '../core/watch.js';
import type { WorkerMetrics } from './metrics.js';

const WATCH: keyof RolloutActivities = 'watch';

/** Counts every attempt of an activity, and what watching found. */
export function activityMetrics(metrics: WorkerMetrics): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const startedMs = performance.now();
        const ended = (outcome: string) =>
          metrics.activityEnded(info.activityType, outcome, (performance.now() - startedMs) / 1000);
        const watched =
          info.activityType === WATCH ? metrics.watching(input.args[0] as WatchInput) : undefined;
        try {
          const result = await next(input);
          ended('completed');
          if (info.activityType === WATCH)
            metrics.watched(input.args[0] as WatchInput, result as WatchResult);
          return result;
        } catch (error) {
          ended(outcomeOf(error));
          throw error;
        } finally {
          watched?.();
        }
      },
    },
  });
}

function outcomeOf(error: unknown): string {
  if (error instanceof CancelledFailure) return 'cancelled';
  if (error instanceof ApplicationFailure) return error.type ?? 'ApplicationFailure';
  return error instanceof Error ? error.name : 'unknown';
}
