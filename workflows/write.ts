import type { DriftDetails } from '../core/activities.js';
import type { Drift } from '../core/drift.js';
import { trafficText, type Traffic } from '../core/traffic.js';
import { forward } from './forward.js';
import { setTraffic } from './proxies.js';
import type { Run } from './run.js';
import { applicationFailure, driftOf } from './stop.js';

/**
 * Writes the endpoint's traffic and reads it back.
 *
 * @param from - what it may show before; null: whatever it shows.
 * @returns what someone else made of it, if that is why nothing was written; null: it was.
 */
export async function write(
  run: Run,
  from: Traffic | null,
  to: Traffic,
  summary: string,
  takeOver = false,
): Promise<Drift | null> {
  const input = { ...run.endpoint, from, to, ...(takeOver ? { takeOver } : {}) };
  const { unsettled } = run.state;
  run.writing = trafficText(to);
  run.state.unsettled = true;
  try {
    await forward(run, () => setTraffic.executeWithOptions({ summary }, [input]));
    delete run.state.unsettled;
    return null;
  } catch (err) {
    const drift = driftOf(err, run.state.instances);
    if (drift === undefined) throw err;
    if (unsettled !== true && nothingWritten(err)) delete run.state.unsettled;
    return drift;
  } finally {
    run.writing = null;
  }
}

/** Whether a `Drift` was found before the rollout wrote anything, by any attempt. */
function nothingWritten(err: unknown): boolean {
  const details = applicationFailure(err)?.details?.[0] as DriftDetails | undefined;
  return details?.written === false;
}
