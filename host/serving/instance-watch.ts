import type { DeploymentRecord, InstanceRecord, RunSettings } from '../state/model.js';
import { sleep } from '../wait.js';
import { durationMs } from './duration.js';
import { settingsOf } from './settings.js';
import { countAnswer, judgeProbe, NO_ANSWERS, probe, STARTING_PERIOD_MS, type ProbeCount } from './probe.js';

export interface WatchEvents {
  readonly ready: () => void;
  readonly unready: () => void;
  /** Its liveness probe failed as often as it may. */
  readonly dead: () => void;
}

/**
 * Asks one instance again and again whether it is ready and alive, until told to stop.
 *
 * @param slowStartMs - how long after its start it is not asked at all, and so not ready.
 *
 * Probes and their settings are read from the deployment at every turn, since a PUT may change them.
 */
export async function watchInstance(
  deployment: DeploymentRecord,
  instance: InstanceRecord,
  events: WatchEvents,
  signal: AbortSignal,
  slowStartMs = 0,
): Promise<void> {
  const settings = (): RunSettings => settingsOf(deployment, instance.generation);
  const path = deployment.specs[instance.generation]?.probePath ?? '/';
  if (instance.state === 'starting') {
    await abortableSleep(Math.max(0, instance.startedAt + slowStartMs - Date.now()), signal);
    if (signal.aborted) return;
    let count = NO_ANSWERS;
    do {
      const { timeout } = settings().readinessProbe;
      count = countAnswer(count, await probe(instance.port, path, durationMs(timeout)));
      if (count.failures > 0) await sleep(STARTING_PERIOD_MS);
      if (signal.aborted) return;
    } while (count.successes < settings().readinessProbe.successThreshold);
    events.ready();
  }
  await Promise.all([
    keepProbing(deployment, instance, 'readinessProbe', path, signal, (verdict) => {
      if (verdict === 'good' && instance.state === 'unready') events.ready();
      if (verdict === 'bad' && instance.state === 'ready') events.unready();
    }),
    keepProbing(deployment, instance, 'livenessProbe', path, signal, (verdict) => {
      if (verdict === 'bad') events.dead();
    }),
  ]);
}

async function keepProbing(
  deployment: DeploymentRecord,
  instance: InstanceRecord,
  which: 'readinessProbe' | 'livenessProbe',
  path: string,
  signal: AbortSignal,
  tell: (verdict: 'good' | 'bad' | 'undecided') => void,
): Promise<void> {
  let count: ProbeCount = NO_ANSWERS;
  for (;;) {
    const settings = settingsOf(deployment, instance.generation)[which];
    await abortableSleep(durationMs(settings.period), signal);
    if (signal.aborted) return;
    count = countAnswer(count, await probe(instance.port, path, durationMs(settings.timeout)));
    if (signal.aborted) return;
    tell(judgeProbe(count, settings));
  }
}

async function abortableSleep(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
