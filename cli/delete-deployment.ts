import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminTargetPorts } from '../adapters/targets.js';
import { endpointArgument, type Located } from '../core/command-text.js';
import { isDrained, ROLLBACK_DRAIN_MS } from '../core/drain.js';
import { isAnother } from '../core/endpoint.js';
import { PortError } from '../core/port-error.js';
import { hasTraffic, trafficText, type Traffic } from '../core/traffic.js';
import { READ_BACK_EVERY_MS, untilTaken } from './endpoints.js';
import { CliError } from './errors.js';

/** How long a deletion may take; Azure's own take minutes. */
const GONE_WITHIN_MS = 30 * 60_000;

/**
 * Deletes a deployment that no traffic can reach, after its requests in flight, and returns when it is gone: as a rollback
 * does, without Temporal. A target that is busy or away is asked again.
 *
 * @returns whether it was there.
 * @throws {PortError} what the target said, when it said no for good or did not take it in time.
 * @throws {CliError} refused, where it gets traffic; unreachable, when the target took it and still shows it.
 */
export async function deleteDeployment(
  { endpoints, metrics }: AdminTargetPorts,
  located: Located,
  deployment: string,
  note: (line: string) => void,
): Promise<boolean> {
  const { endpoint } = located;
  const untilMs = Date.now() + GONE_WITHIN_MS;
  const look = () => endpoints.readDeployment(endpoint, deployment);

  const found = await untilTaken(look, untilMs, note);
  if (found === undefined) {
    // A deletion that was cut off may have left parts of it.
    await untilTaken(() => endpoints.deleteDeployment(endpoint, deployment), untilMs, note);
    return false;
  }
  // Shares go by the name that the target tells.
  const { name } = found;
  const readUnserving = async (): Promise<Traffic> => {
    const { traffic } = await endpoints.read(endpoint);
    if (hasTraffic(traffic, name)) throw getsTraffic(located, name, traffic);
    return traffic;
  };

  const { live } = await untilTaken(readUnserving, untilMs, note);
  note(`Waits for the last answers of ${name}, for ${ROLLBACK_DRAIN_MS / 1_000} s at most.`);
  await drain(metrics, endpoint, name, Object.keys(live));

  const isGone = async (): Promise<boolean> => {
    const state = await look();
    if (state === undefined || state.state === 'deleting') return state === undefined;
    // Somebody made one of this name anew, as soon as it was free.
    if (isAnother(state, found)) return true;
    // Draining took its time: somebody may have gone back to it.
    await readUnserving();
    await endpoints.deleteDeployment(endpoint, name);
    return false;
  };
  while (!(await untilTaken(isGone, untilMs, note))) {
    if (Date.now() > untilMs) {
      throw new CliError(
        'unreachable',
        `${endpoint} took the deletion of ${name} and shows it still after ${GONE_WITHIN_MS / 60_000} minutes.\n` +
          `Look with \`greenlight endpoint show ${endpointArgument(located)}\`, and run this again.`,
      );
    }
    await sleep(READ_BACK_EVERY_MS);
  }
  return true;
}

function getsTraffic(located: Located, name: string, traffic: Traffic): CliError {
  return new CliError(
    'refused',
    `${name} of ${located.endpoint} gets traffic (${trafficText(traffic)}), and only what gets none is deleted.\n` +
      `Something else writes the traffic, a rollout for one: look at \`greenlight status ${endpointArgument(located)}\`, and run this again.`,
  );
}

/**
 * Waits until nothing is in flight. A source that cannot tell, or is away, is waited out in full: that is safe too.
 *
 * @param serving - who has the traffic now: their counters say how new the data are when the deployment's own have ended.
 */
async function drain(
  metrics: AdminTargetPorts['metrics'],
  endpoint: string,
  deployment: string,
  serving: readonly string[],
): Promise<void> {
  const sinceMs = Date.now();
  while (Date.now() < sinceMs + ROLLBACK_DRAIN_MS) {
    try {
      const snapshot = await metrics.read(endpoint, [...new Set([deployment, ...serving])]);
      if (isDrained(snapshot, deployment, sinceMs)) return;
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
    }
    await sleep(READ_BACK_EVERY_MS);
  }
}
