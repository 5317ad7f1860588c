import type { DriftDetails, NotYetDetails } from '../core/activities.js';
import type { Drift } from '../core/drift.js';
import { trafficText, type Traffic } from '../core/traffic.js';
import { forward } from './forward.js';
import { setTraffic, WRITE_WITHIN_MS } from './proxies.js';
import type { Run } from './run.js';
import { applicationFailure, driftOf, notYetOf } from './stop.js';
import { givesWay } from './turns.js';

/** How a write is made, where not as ever. */
interface Manner {
  readonly takeOver?: boolean;
  /** To what the rollout wrote before. */
  readonly goesBack?: boolean;
  /** It is asked for in turns with looks at green, and for so long at the most. */
  readonly leftMs?: number;
}

/**
 * Writes the endpoint's traffic and reads it back.
 *
 * @param from - what it may show before.
 * @returns what someone else made of it, if that is why nothing was written, or for how long the target takes nothing;
 *   null: it was written.
 */
export async function write(
  run: Run,
  from: Traffic,
  to: Traffic,
  summary: string,
  { takeOver = false, goesBack = false, leftMs }: Manner = {},
): Promise<Drift | NotYetDetails | null> {
  const input = {
    ...run.endpoint,
    from,
    to,
    ...(takeOver ? { takeOver } : {}),
    ...(goesBack ? { goesBack, instances: run.state.instances } : {}),
    ...(leftMs === undefined ? {} : givesWay(leftMs)),
  };
  const options = { summary, scheduleToCloseTimeout: leftMs ?? WRITE_WITHIN_MS };
  const { unsettled } = run.state;
  run.writing = trafficText(to);
  run.state.unsettled = true;
  try {
    await forward(run, () => setTraffic.executeWithOptions(options, [input]));
    delete run.state.unsettled;
    return null;
  } catch (err) {
    const notYet = notYetOf(err);
    const drift = driftOf(err, run.state.instances);
    if (drift === undefined && notYet === undefined) throw err;
    if (unsettled !== true && (notYet !== undefined || nothingWritten(err))) delete run.state.unsettled;
    return notYet ?? drift ?? null;
  } finally {
    run.writing = null;
  }
}

/** Whether a `Drift` was found before the rollout wrote anything, by any attempt. */
function nothingWritten(err: unknown): boolean {
  const details = applicationFailure(err)?.details?.[0] as DriftDetails | undefined;
  return details?.written === false;
}
