import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { expect, inject, it } from 'vitest';
import { openEncryption } from '../../codec/data-converter.js';
import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { useCliBench } from '../cli/cli-bench.js';
import { MemoryTarget } from '../support/memory-target.js';
import { bundleWorkflows } from '../support/workflow-code.js';

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const [old, fresh] = [key('spring'), key('summer')];
const bench = useCliBench({ env: { GREENLIGHT_CODEC_KEYS: old } });

const STEPS = ['create', 'ramp: 10%\n    for: 1s .. 10s', 'approve: { within: 1h }', 'cutover'];
/** What people write and Greenlight says; none of it may stand in Temporal's database. */
const WORDS = ['reason-nobody-reads', 'ann-the-approver', 'rolls back by policy', 'worse-by', 'aborted by'];

/** Every payload of a history, wherever it stands, but search attributes: those are for queries, and never encrypted. */
function payloadsIn(value: unknown, name = ''): { encoding: string; name: string }[] {
  if (typeof value !== 'object' || value === null || name === 'searchAttributes') return [];
  const { metadata } = value as { metadata?: Record<string, Uint8Array> };
  if (metadata?.['encoding'] !== undefined) {
    return [{ encoding: Buffer.from(metadata['encoding']).toString(), name }];
  }
  return Object.entries(value).flatMap(([key, child]) => payloadsIn(child, key));
}

async function history(workspace: string) {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  try {
    const client = new Client({ connection, namespace: bench.namespace });
    return await client.workflow.getHandle(`rollout/host/${workspace}/diabetes`).fetchHistory();
  } finally {
    await connection.close();
  }
}

it('a rollout under codec keys works as ever, and leaves no plain text in Temporal', async () => {
  const on = (args: string[]) => bench.on('sealed', args);
  bench.targets.set('sealed', new MemoryTarget());
  const spec = await bench.spec('sealed', STEPS);
  expect((await on(['submit', spec, '--by', 'ann-the-approver'])).code).toBe(0);
  await expect
    .poll(async () => (await on(['status', 'diabetes'])).stdout, { timeout: 30_000 })
    .toContain('waiting-for-approval');
  await on(['pause', 'diabetes', '--reason', 'reason-nobody-reads']);
  await on(['abort', 'diabetes', '--reason', 'reason-nobody-reads', '--by', 'ann-the-approver']);
  const ended = await on(['status', 'diabetes', '--wait']);
  const evidence = await on(['evidence', 'diabetes']);

  expect(ended.code).toBe(5);
  expect(ended.stdout).toContain('aborted by ann-the-approver: reason-nobody-reads');
  expect(evidence).toMatchObject({ code: 0, stdout: expect.stringContaining('errors') as never });

  const stored = await history('sealed');
  const payloads = payloadsIn(stored);
  expect(payloads.length).toBeGreaterThan(20);
  expect(payloads.filter(({ encoding }) => encoding !== 'binary/encrypted')).toEqual([]);
  const text = JSON.stringify(stored, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
  expect(WORDS.filter((word) => text.includes(word))).toEqual([]);
  expect(text).toContain('Encoded failure');
});

it('it is read after its key was rotated, and not without it', async () => {
  const status = (env: NodeJS.ProcessEnv) => bench.on('sealed', ['status', 'diabetes'], { env });

  expect((await status({ GREENLIGHT_CODEC_KEYS: `${fresh},${old}` })).stdout).toContain(
    'reason-nobody-reads',
  );
  const without = await status({ GREENLIGHT_CODEC_KEYS: fresh });
  expect(without.stderr).toContain(
    'A payload is encrypted with the key "spring", and GREENLIGHT_CODEC_KEYS has only summer',
  );
  expect((await status({})).stderr).toContain('no keys are configured here. Set GREENLIGHT_CODEC_KEYS_FILE');
});

it('it replays', async () => {
  const { dataConverter } = await openEncryption({ GREENLIGHT_CODEC_KEYS: `${fresh},${old}` });
  const { failureConverterPath = '' } = dataConverter;
  const workflowBundle = await bundleWorkflows({ failureConverterPath });

  await Worker.runReplayHistory(
    { workflowBundle, dataConverter, sinks: rolloutSinks(createMetrics().rollouts) },
    await history('sealed'),
    'rollout/host/sealed/diabetes',
  );
});
