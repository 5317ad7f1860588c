import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { expect, inject, it } from 'vitest';
import { openEncryption } from '../../codec/data-converter.js';
import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { LONG, useCliBench } from '../cli/cli-bench.js';
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

async function stored<T>(read: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  try {
    return await read(new Client({ connection, namespace: bench.namespace }));
  } finally {
    await connection.close();
  }
}

const idOf = (workspace: string) => `rollout/host/${workspace}/diabetes`;

const history = (workspace: string) =>
  stored((client) => client.workflow.getHandle(idOf(workspace)).fetchHistory());

/** As Temporal keeps it: what stands in bytes as text. */
const plainText = (value: unknown): string =>
  JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key, part: unknown) {
    // A buffer has become a list of numbers in `part`.
    const kept = this[key];
    return kept instanceof Uint8Array ? Buffer.from(kept).toString('latin1') : part;
  });

const pendingIn = (workspace: string) =>
  stored(async ({ workflowService }) => {
    const execution = { workflowId: idOf(workspace) };
    const { namespace } = bench;
    return plainText(
      (await workflowService.describeWorkflowExecution({ namespace, execution })).pendingActivities,
    );
  });

it('a rollout under codec keys works as ever, and leaves no plain text in Temporal', async () => {
  const on = (args: string[]) => bench.on('sealed', args);
  bench.targets.set('sealed', new MemoryTarget());
  const spec = await bench.spec('sealed', STEPS);
  expect((await on(['submit', spec, '--by', 'ann-the-approver'])).code).toBe(0);
  await expect.poll(async () => (await on(['status', 'diabetes'])).stdout).toContain('waiting-for-approval');
  await on(['pause', 'diabetes', '--reason', 'reason-nobody-reads']);
  await on(['abort', 'diabetes', '--reason', 'reason-nobody-reads', '--by', 'ann-the-approver']);
  const ended = await on(['status', 'diabetes', '--wait']);
  const evidence = await on(['evidence', 'diabetes']);

  expect(ended.code).toBe(5);
  expect(ended.stdout).toContain('aborted by ann-the-approver: reason-nobody-reads');
  expect(evidence).toMatchObject({ code: 0, stdout: expect.stringContaining('errors') as never });

  const events = await history('sealed');
  const payloads = payloadsIn(events);
  expect(payloads.length).toBeGreaterThan(20);
  expect(payloads.filter(({ encoding }) => encoding !== 'binary/encrypted')).toEqual([]);
  const text = plainText(events);
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

it('what the target answered to a rollback that it does not take is read with the keys, and stored under them', async () => {
  const on = (args: string[]) => bench.on('refused', args);
  const target = new MemoryTarget();
  bench.targets.set('refused', target);
  const spec = await bench.spec('refused', LONG);
  await on(['submit', spec]);
  await expect.poll(async () => (await on(['status', 'diabetes'])).stdout).toContain('ramping');

  target.fault = (call) => (call === 'writeTraffic' ? 'throw-transient' : undefined);
  await on(['abort', 'diabetes', '--reason', 'wrong model']);
  await expect
    .poll(async () => (await on(['status', 'diabetes'])).stdout)
    .toContain('the last answer: writeTraffic failed by request of the test');
  const pending = await pendingIn('refused');
  target.fault = () => undefined;

  expect(pending).toContain('Encoded failure');
  expect(pending).not.toContain('by request of the test');
  expect((await on(['status', 'diabetes', '--wait'])).code).toBe(5);
});

it('who starts one without its keys is told so, and not that no worker answers', async () => {
  const on = (args: string[], env?: NodeJS.ProcessEnv) =>
    bench.on('keyless', args, env === undefined ? {} : { env });
  bench.targets.set('keyless', new MemoryTarget());
  const spec = await bench.spec('keyless', STEPS);

  const started = await on(['submit', spec], {});
  const waited = await on(['status', 'diabetes', '--wait'], {});
  const again = await on(['submit', spec], {});
  await on(['abort', 'diabetes', '--reason', 'the test is over']);

  expect(started.stdout).toMatch(/^Started rollout\/host\/keyless\/diabetes /);
  for (const { code, stderr } of [started, waited]) {
    expect(stderr).toContain('no keys are configured here. Set GREENLIGHT_CODEC_KEYS_FILE');
    expect(stderr).not.toContain('no worker');
    expect(code).toBe(1);
  }
  expect(again).toMatchObject({
    code: 7,
    stderr: expect.stringContaining('where it stands is not known: A payload') as string,
  });
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
