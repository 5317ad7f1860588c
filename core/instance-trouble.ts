import { findDeployment, type EndpointState } from './endpoint.js';
import type { WatchInput, WatchMemory } from './watch.js';

/** As many restarts of green's instances in one rollout are no accident any more. */
const RESTARTS = 3;

/** Why green's own state ends the rollout whatever the counters say; null = it does not. */
export function instanceTrouble(
  input: Pick<WatchInput, 'green'>,
  memory: Pick<WatchMemory, 'restartsBefore'>,
  endpoint: EndpointState,
): string | null {
  const green = findDeployment(endpoint, input.green);
  if (green === undefined) return null; // drift: somebody deleted it
  if (green.state === 'failed')
    return `${input.green} has failed: ${green.error ?? 'the target gives no reason'}`;
  const restarts = (green.restarts ?? 0) - (memory.restartsBefore ?? green.restarts ?? 0);
  if (restarts < RESTARTS) return null;
  return `instances of ${input.green} were restarted ${restarts} times since it got traffic: it keeps crashing`;
}

/** Remembers how often green's instances had been restarted when the rollout began to watch. */
export function withRestarts(
  memory: WatchMemory,
  input: Pick<WatchInput, 'green'>,
  endpoint: EndpointState,
): WatchMemory {
  if (memory.restartsBefore !== null) return memory;
  return { ...memory, restartsBefore: findDeployment(endpoint, input.green)?.restarts ?? null };
}
