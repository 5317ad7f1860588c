import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { runningDaemon } from '../../embedded/daemons.js';
import { processIdentity, until } from '../../embedded/processes.js';
import { registerSearchAttributes } from '../../embedded/search-attributes.js';
import { ensureTemporal } from '../../embedded/temporal.js';
import { startTemporal, stopTemporal } from '../../embedded/temporal-server.js';

it('gives the whole run one server, by context and by environment', async () => {
  expect(process.env['GREENLIGHT_TEST_TEMPORAL']).toBe(inject('temporalAddress'));
  expect(process.env['TEMPORAL_ADDRESS']).toBeUndefined();

  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({
    namespace: 'default',
  });
  await connection.close();

  expect(Object.keys(customAttributes)).toEqual(expect.arrayContaining(Object.keys(SEARCH_ATTRIBUTES)));
});

describe('startTemporal', () => {
  let state: string;

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'greenlight-temporal-'));
  });
  afterEach(async () => {
    await stopTemporal(state);
    await rm(state, { recursive: true, force: true });
  });

  it('leaves a running server alone, and starts a dead one again at the same address with its data', async () => {
    const executable = await ensureTemporal();
    const first = await startTemporal(state, executable);
    const pid = (await runningDaemon(state, 'temporal'))?.pid ?? 0;
    await makeNamespace(first.address, 'kept');

    const second = await startTemporal(state, executable);
    const samePid = (await runningDaemon(state, 'temporal'))?.pid;
    process.kill(pid, 'SIGKILL');
    await until(async () => ((await processIdentity(pid)) === undefined ? true : undefined), 10_000);
    const third = await startTemporal(state, executable);

    expect(second).toEqual(first);
    expect(samePid).toBe(pid);
    expect(third).toEqual(first);
    await expect(namespaceExists(third.address, 'kept')).resolves.toBe(true);
  });

  it('takes other ports when one was taken between finding it free and listening', async () => {
    // The moment cannot be caused: a server that finds its port taken once, and is the real one after that.
    const unlucky = join(state, 'unlucky');
    await writeFile(
      unlucky,
      `#!/bin/sh\n[ -e "$0.once" ] && exec '${await ensureTemporal()}' "$@"\n` +
        `touch "$0.once"; echo "listen tcp: bind: address already in use"; exit 1\n`,
      { mode: 0o755 },
    );

    const server = await startTemporal(state, unlucky);

    const connection = await Connection.connect({ address: server.address });
    await connection.close();
  });

  it('registers search attributes in a namespace that knows none, and again without harm', async () => {
    const address = inject('temporalAddress');
    const namespace = `attributes-${process.pid}-${performance.now().toFixed(0)}`;
    await makeNamespace(address, namespace);
    const connection = await Connection.connect({ address });

    await registerSearchAttributes(connection, namespace);
    await registerSearchAttributes(connection, namespace);

    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    await connection.close();
    expect(Object.keys(customAttributes).sort()).toEqual(Object.keys(SEARCH_ATTRIBUTES).sort());
  });

  it('says why, with the end of the log, when the server ends before it serves', async () => {
    const refused = startTemporal(state, 'false');

    await expect(refused).rejects.toThrow(
      /temporal ended before it was ready\.\nThe end of .*temporal\.log:/,
    );
    expect(await runningDaemon(state, 'temporal')).toBeUndefined();
  });
});

async function makeNamespace(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  await connection.close();
}

async function namespaceExists(address: string, namespace: string): Promise<boolean> {
  const connection = await Connection.connect({ address });
  try {
    const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace });
    return namespaceInfo?.name === namespace;
  } finally {
    await connection.close();
  }
}
