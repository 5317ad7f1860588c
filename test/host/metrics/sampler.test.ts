import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { EnvoyAdmin } from '../../../host/gateway/admin.js';
import { NOTHING } from '../../../host/metrics/envoy-stats.js';
import { Sampler } from '../../../host/metrics/sampler.js';
import type { HostState } from '../../../host/state/model.js';

const clock = vi.hoisted(() => ({ wake: (): void => undefined, asleep: (): void => undefined }));
vi.mock('../../../host/wait.js', async (original) => ({
  ...(await original<object>()),
  sleep: (_ms: number, _value: undefined, { signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve) => {
      clock.wake = resolve;
      signal.addEventListener('abort', () => {
        resolve();
      });
      clock.asleep();
    }),
}));

const T0 = Date.parse('2026-11-21T10:00:00Z');
const STATE = {
  id: 'sampler-test',
  envoy: { pid: 1, startTime: '1' },
  endpoints: {
    'local/ep': { workspace: 'local', name: 'ep', deployments: { blue: { name: 'blue', instances: {} } } },
  },
} as unknown as HostState;

let folder: string;
let served = 0;
const admin = {
  sample: () =>
    Promise.resolve(new Map([['local~ep~blue~live', { ...NOTHING, statuses: { 200: served }, active: 0 }]])),
} as unknown as EnvoyAdmin;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'greenlight-sampler-'));
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

async function sampler(): Promise<Sampler> {
  const made = new Sampler(STATE, admin, folder, pino({ enabled: false }));
  await made.start();
  return made;
}

/** Has the running sampler look, so many seconds after the beginning. */
async function look(afterSeconds: number, servedByThen: number): Promise<void> {
  vi.setSystemTime(T0 + afterSeconds * 1000);
  served = servedByThen;
  const done = new Promise<void>((resolve) => (clock.asleep = resolve));
  clock.wake();
  await done;
}

it('counts every request once, also those of a minute in which a host was stopped and another one started', async () => {
  const first = await sampler();
  await look(10, 10);
  await look(60.02, 30);
  await look(70, 45);
  await first.close();

  const second = await sampler();
  await look(90, 50);
  await look(120.02, 60);
  await second.close();

  expect(second.minutes('local', 'ep').map(({ atMs, requests }) => [atMs - T0, requests[0]?.count])).toEqual([
    [0, 30],
    [60_000, 30],
  ]);
});
