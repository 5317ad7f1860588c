import proto from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { readdir, readFile } from 'node:fs/promises';
import { beforeAll, expect, inject, it } from 'vitest';

import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { PATCHES } from '../../workflows/patches.js';
import { installBenchRuntime } from '../support/bench-worker.js';
import { HISTORY_NAMES, REFERENCE_RUNS } from './reference-runs.js';

const folder = new URL('./histories/', import.meta.url);

beforeAll(() => {
  installBenchRuntime();
});

it('every reference run has a history', async () => {
  const names = (await readdir(folder)).map((file) => file.replace(/\.binpb$/, '').replace(/^v\d+\./, ''));

  expect([...new Set(names)].sort()).toEqual([...HISTORY_NAMES].sort());
});

it('every patch of a rollout was asked for in a history', async () => {
  const histories = await readHistories();
  const asked = histories.flatMap(({ history }) =>
    (history.events ?? []).map(({ markerRecordedEventAttributes: marker }) => {
      const data = marker?.details?.['patch-data']?.payloads?.[0]?.data;
      return data ? (JSON.parse(Buffer.from(data).toString()) as { id: string }).id : null;
    }),
  );

  expect(asked).toEqual(expect.arrayContaining([...PATCHES]));
});

it('no history tells of the machine that recorded it', async () => {
  const files = await readdir(folder);
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), 'latin1')));

  expect(texts.filter((text) => /node_modules|\d+@\w/.test(text))).toEqual([]);
});

interface Recorded {
  /** The file's name. */
  readonly workflowId: string;
  readonly history: proto.temporal.api.history.v1.IHistory;
}

async function readHistories(): Promise<readonly Recorded[]> {
  const files = (await readdir(folder)).sort();
  return Promise.all(
    files.map(async (file) => ({
      workflowId: file,
      history: proto.temporal.api.history.v1.History.decode(await readFile(new URL(file, folder))),
    })),
  );
}

/** What the replayer finds wrong with each history; null: it replays with this code. */
async function replayed(histories: readonly Recorded[]): Promise<Record<string, string | null>> {
  const found: Record<string, string | null> = {};
  const options = {
    workflowBundle: { codePath: inject('workflowCode') },
    sinks: rolloutSinks(createMetrics().rollouts),
  };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) {
    found[workflowId] = error?.name ?? null;
  }
  return found;
}

function each(histories: readonly Recorded[], outcome: string | null): Record<string, string | null> {
  return Object.fromEntries(histories.map(({ workflowId }) => [workflowId, outcome]));
}

it('every history that was ever released still replays: running rollouts survive this code', async () => {
  const histories = await readHistories();

  expect(await replayed(histories)).toEqual(each(histories, null));
});

it('would not replay with code that does something else: each is found out by its last activity', async () => {
  const lastActivityOf = ({ history }: Recorded) =>
    history.events
      ?.map(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType)
      .findLast((type) => type);
  const histories = await readHistories();
  // A run that went on from another may be over before it has done anything.
  const active = histories.filter((history) => lastActivityOf(history));
  for (const history of active) Object.assign(lastActivityOf(history) ?? {}, { name: 'somethingElse' });

  expect(active.length).toBeGreaterThanOrEqual(Object.keys(REFERENCE_RUNS).length - 1);
  expect(await replayed(active)).toEqual(each(active, 'DeterminismViolationError'));
});
