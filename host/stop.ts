import { rm } from 'node:fs/promises';
import { findInSessions, findMarked, isAlive, signal } from './processes.js';
import { readTextIfThere } from './state/atomic.js';
import { lockHolder, lockState } from './state/lock.js';
import type { HostState, ProcessRef } from './state/model.js';
import { StatePaths } from './state/paths.js';
import { parseState } from './state/store.js';
import { until } from './wait.js';

/** How long each kind of process gets to end by itself. */
const PATIENCE_MS = 10_000;

/**
 * Ends all that ever was started on a state folder, and returns once it is gone: first the host, which would replace
 * what ends, then model servers and Envoy. What the folder holds stays: the next host starts it all again.
 *
 * @returns how many processes were ended.
 */
export async function stopAll(stateFolder: string): Promise<number> {
  const paths = new StatePaths(stateFolder);
  const before = await readState(paths);
  if (!before) return 0;
  let ended = 0;
  const host = await lockHolder(paths.lock);
  if (host) {
    await end([host]);
    ended++;
  }
  // Held while it works, so that no new host starts in between.
  const unlock = await lockState(paths.lock, 'stop');
  try {
    // Once more: until its end the host wrote down what it started.
    const state = (await readState(paths)) ?? before;
    // Found while they live: the number of one that is gone may be somebody else's session.
    const sessions = leaders(state)
      .filter(isAlive)
      .map(({ pid }) => pid);
    const running = (): ProcessRef[] => {
      const found = [...findMarked(state.id), ...findInSessions(sessions)];
      return [...new Map(found.map((process) => [process.pid, process])).values()];
    };
    // Again until there is none: a server may start a worker while it is asked to end.
    for (let found = running(); found.length > 0; found = running()) {
      ended += found.length;
      await end(found);
    }
    await rm(paths.hostFile, { force: true });
  } finally {
    await unlock();
  }
  return ended;
}

/** @returns undefined when there is no state. */
async function readState(paths: StatePaths): Promise<HostState | undefined> {
  const text = await readTextIfThere(paths.state);
  return text === undefined ? undefined : parseState(paths.state, text);
}

/** Processes that the host started; each leads a session of its own. */
function leaders({ endpoints, envoy }: HostState): ProcessRef[] {
  const deployments = Object.values(endpoints).flatMap((endpoint) => Object.values(endpoint.deployments));
  const instances = deployments.flatMap((deployment) => Object.values(deployment.instances));
  return [envoy, ...instances.map(({ process }) => process)].filter((process) => process != null);
}

async function end(processes: readonly ProcessRef[]): Promise<void> {
  const gone = (): boolean => processes.every((process) => !isAlive(process));
  for (const process of processes) signal(process, 'SIGTERM');
  if (await until(gone, { timeoutMs: PATIENCE_MS })) return;
  for (const process of processes) signal(process, 'SIGKILL');
  if (await until(gone, { timeoutMs: PATIENCE_MS })) return;
  const left = processes.filter(isAlive).map((process) => process.pid);
  throw new Error(`processes ${left.join(', ')} did not end, even on SIGKILL`);
}
