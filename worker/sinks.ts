import type { InjectedSinks } from '@temporalio/worker';
import type { RolloutEvents, RolloutSinks } from '../core/rollout-events.js';

/** Lets workflows tell `events`, once each: not when a history is replayed. */
export function rolloutSinks(events: RolloutEvents): InjectedSinks<RolloutSinks> {
  return {
    rollouts: {
      begun: { fn: (_, event) => events.begun(event) },
      held: { fn: (_, event) => events.held(event) },
      stepEnded: { fn: (_, event) => events.stepEnded(event) },
      ended: { fn: (_, event) => events.ended(event) },
    },
  };
}
