import proto from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';

import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { HISTORY_NAMES } from './reference-runs.js';

const folder = new URL('./histories/', import.meta.url);

let bundle: { code: string };

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  bundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
});

it('every reference run has a history', async () => {
  const names = (await readdir(folder)).map((file) => file.replace(/\.binpb$/, '').replace(/^v\d+\./, ''));

  expect([...new Set(names)].sort()).toEqual([...HISTORY_NAMES].sort());
});

it('no history tells of the machine that recorded it', async () => {
  const files = await readdir(folder);
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), 'latin1')));

  expect(texts.filter((text) => /node_modules|\d+@\w/.test(text))).toEqual([]);
});

it('every history that was ever released still replays: running rollouts survive this code', async () => {
  const files = (await readdir(folder)).sort();
  const histories = await Promise.all(
    files.map(async (file) => ({
      workflowId: file,
      history: proto.temporal.api.history.v1.History.decode(await readFile(new URL(file, folder))),
    })),
  );

  const replayed: string[] = [];
  for await (const result of Worker.runReplayHistories(
    { workflowBundle: bundle, sinks: rolloutSinks(createMetrics().rollouts) },
    histories,
  )) {
    expect(result.error, result.workflowId).toBeUndefined();
    replayed.push(result.workflowId);
  }
  expect(replayed.sort()).toEqual(files);
});
