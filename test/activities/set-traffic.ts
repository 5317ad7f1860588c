import { randomUUID } from 'node:crypto';
import type { Info } from '@temporalio/activity';
import { setTraffic } from '../../activities/set-traffic.js';
import type { WriteOptions } from '../../adapters/ports.js';
import type { SetTrafficInput } from '../../core/activities.js';
import type { DeploymentState } from '../../core/endpoint.js';
import type { Traffic } from '../../core/traffic.js';
import { activityEnvironment } from '../support/activity-environment.js';

export const blue = { live: { blue: 100 }, mirror: {} };
export const half = { live: { blue: 50, green: 50 }, mirror: {} };
export const GREEN = { live: { green: 100 }, mirror: {} };

/** Runs a write of traffic on an endpoint that shows what `read` gives, and writes by `written`. */
export async function run(
  input: Partial<SetTrafficInput>,
  read: () => { traffic: Traffic; deployments?: readonly DeploymentState[] },
  written: (to: Traffic, options: WriteOptions) => void = () => undefined,
  info: Partial<Info> = {},
): Promise<unknown> {
  return activityEnvironment({ activityId: randomUUID(), scheduledTimestampMs: Date.now(), ...info })
    .run(() => once(input, read, written))
    .catch((error: unknown) => error);
}

/** An attempt of one, in an activity. */
export function once(
  input: Partial<SetTrafficInput>,
  read: () => { traffic: Traffic; deployments?: readonly DeploymentState[] },
  written: (to: Traffic, options: WriteOptions) => void = () => undefined,
  isAutoscaled: () => Promise<boolean> = () => Promise.resolve(false),
): Promise<unknown> {
  const endpoints = {
    read: () => Promise.resolve({ deployments: [], ...read() }),
    writeTraffic: (_name: string, to: Traffic, options: WriteOptions) =>
      Promise.resolve().then(() => {
        options.confirm?.();
        written(to, options);
      }),
    isAutoscaled,
  };
  return setTraffic({ endpoints } as never, {
    target: { kind: 'kubernetes', namespace: 'models' },
    endpoint: 'diabetes',
    from: null,
    to: blue,
    ...input,
  });
}

export function ready(name: string, ready: number): DeploymentState {
  return { name, state: 'ready', instances: { wanted: 1, ready }, restarts: 0, tags: {} };
}
