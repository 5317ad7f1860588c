import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HostContext } from '../../../host/context.js';
import { Operations } from '../../../host/operations/operations.js';
import type { EndpointRecord } from '../../../host/state/model.js';
import { Store } from '../../../host/state/store.js';
import { until } from '../../../host/wait.js';

const CALL = {
  kind: 'endpoint-put',
  workspace: 'local',
  endpoint: 'diabetes',
  resourceId: '/x',
} as const;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'greenlight-operations-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

it('an operation that the disk did not take is told to the caller, and does not keep the endpoint busy', async () => {
  const folder = join(root, 'state');
  const store = await Store.open(join(folder, 'state.json'));
  const context = {
    store,
    gateway: { sync: () => Promise.resolve() },
    metrics: { operationEnded: () => undefined },
    log: pino({ enabled: false }),
  } as unknown as HostContext;
  const operations = new Operations(context);

  // No folder to write to: as little room as on a full disk.
  await expect(operations.begin(CALL)).rejects.toThrow('ENOENT');
  await mkdir(folder);

  expect(await until(() => !operations.isBusy('local', 'diabetes'), { timeoutMs: 5_000, everyMs: 5 })).toBe(
    true,
  );
  const again = await operations.begin(CALL);
  expect(await until(() => again.status === 'Succeeded', { timeoutMs: 5_000, everyMs: 5 })).toBe(true);
  await store.save(); // behind the one of the operation's end
});

it('an update that the gateway did not take is not what the deployment serves', async () => {
  const store = await Store.open(join(root, 'state.json'));
  const blue = { name: 'blue', generation: 2, serving: 1, state: 'Updating', specs: {}, instances: {} };
  store.state.endpoints['local/diabetes'] = { deployments: { blue } } as unknown as EndpointRecord;
  const context = {
    store,
    gateway: { sync: () => Promise.reject(new Error('ENOSPC: no space left on device')) },
    supervisor: { runner: () => ({ verdict: () => ({ is: 'ready' }) }) },
    metrics: { operationEnded: () => undefined },
    log: pino({ enabled: false }),
  } as unknown as HostContext;

  const put = await new Operations(context).begin({ ...CALL, kind: 'deployment-put', deployment: 'blue' });

  expect(await until(() => put.status === 'Failed', { timeoutMs: 5_000, everyMs: 5 })).toBe(true);
  expect(blue).toMatchObject({ state: 'Failed', serving: 1 });
  await store.save(); // behind the one of the operation's end
});
