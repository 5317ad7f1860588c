import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { AdminEndpoints, WriteOptions } from '../adapters/ports.js';
import { type AdminTargetPorts, createTargets } from '../adapters/targets.js';
import { endpointArgument, type Located } from '../core/command-text.js';
import type { EndpointState } from '../core/endpoint.js';
import type { Target } from '../core/plan.js';
import { PortError } from '../core/port-error.js';
import { sameTraffic, trafficText, type Traffic } from '../core/traffic.js';
import type { Context } from './context.js';
import { CliError } from './errors.js';

/**
 * The ports of a target, without Temporal.
 *
 * @param target - left out: the context's.
 * @throws {PortError} transient, when the target is the endpoint host and it was never started here.
 */
export function openTarget(ctx: Context, target: Target = ctx.target): Promise<AdminTargetPorts> {
  return createTargets({ hostState: join(ctx.stateDir, 'host'), env: ctx.env })(target);
}

/** The endpoints among {@link openTarget}'s ports. */
export async function openEndpoints(ctx: Context): Promise<AdminEndpoints> {
  return (await openTarget(ctx)).endpoints;
}

/** What is listed of a target: Azure ML's batch endpoints are none of ours. */
export function endpointNoun({ kind }: Target): string {
  return kind === 'kubernetes' ? 'endpoint' : 'online endpoint';
}

const WRITE_WITHIN_MS = 5 * 60_000;
export const READ_BACK_EVERY_MS = 500;

/**
 * Writes traffic and returns when the endpoint shows it, in force. A target that is busy or away is asked again for five minutes.
 *
 * @throws {PortError} what the target said, when it said no for good or did not take it in time.
 * @throws {CliError} unreachable, when it took it and does not show it.
 */
export async function writeAndReadBack(
  endpoints: AdminEndpoints,
  located: Located,
  traffic: Traffic,
  note: (line: string) => void,
  options: WriteOptions = {},
): Promise<EndpointState> {
  const { endpoint } = located;
  const untilMs = Date.now() + WRITE_WITHIN_MS;
  await untilTaken(() => endpoints.writeTraffic(endpoint, traffic, options), untilMs, note);
  for (;;) {
    const shown = await untilTaken(() => endpoints.read(endpoint), untilMs, note);
    if (sameTraffic(shown.traffic, traffic) && shown.pending === undefined) return shown;
    if (Date.now() > untilMs) {
      throw new CliError(
        'unreachable',
        `${endpoint} took the traffic ${trafficText(traffic)} and shows ${trafficText(shown.traffic)} after ${WRITE_WITHIN_MS / 60_000} minutes${shown.pending === undefined ? '' : `: ${shown.pending}`}.\n` +
          `Something else may be writing it, a rollout for one: look at \`greenlight status ${endpointArgument(located)}\`, and run this again.`,
      );
    }
    await sleep(READ_BACK_EVERY_MS);
  }
}

/** @throws what `ask` throws for good, or when the time would be over before it is asked again. */
export async function untilTaken<T>(
  ask: () => Promise<T>,
  untilMs: number,
  note: (line: string) => void,
): Promise<T> {
  for (let turn = 0; ; turn++) {
    try {
      return await ask();
    } catch (error) {
      const waitMs = waitBefore(error, turn);
      if (waitMs === undefined || Date.now() + waitMs > untilMs) throw error;
      note(`${(error as Error).message}; trying again in ${Math.ceil(waitMs / 1_000)} s`);
      await sleep(waitMs);
    }
  }
}

/** @returns undefined for what gives the same answer however often it is said. */
function waitBefore(error: unknown, turn: number): number | undefined {
  if (!(error instanceof PortError) || error.kind === 'permanent') return undefined;
  return error.retryAfterMs ?? Math.min(10_000, 1_000 * 2 ** turn);
}
