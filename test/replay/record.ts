// Records one history of every reference run: `npm run record-histories`, whenever workflow code is released.
// A vitest file that the ordinary run does not include, since it needs the same servers.
import type { WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import { mkdir, writeFile } from 'node:fs/promises';
import { it } from 'vitest';

import { useBench } from '../support/rollout-bench.js';
import { NOTIFIER, REFERENCE_RUNS } from './reference-runs.js';
import { withoutMachine } from './without-machine.js';

/** Raised when the recorded behaviour changes on purpose: the older ones stay, and must replay for as long as they run. */
const VERSION = 3;

const bench = useBench({ notifier: () => NOTIFIER });
const folder = new URL('./histories/', import.meta.url);

async function save(name: string, handle: WorkflowHandle): Promise<void> {
  const history = withoutMachine(await handle.fetchHistory());
  // Binary: the SDK's JSON form cannot be written with the protobufjs that npm gives it.
  const bytes = proto.temporal.api.history.v1.History.encode(history).finish();
  await mkdir(folder, { recursive: true });
  await writeFile(new URL(`v${VERSION}.${name}.binpb`, folder), bytes);
}

for (const [name, run] of Object.entries(REFERENCE_RUNS)) {
  it(`records ${name}`, async () => {
    const target = run.target();
    const rollout = await bench.start(run.plan, target);
    await run.act(rollout, target, bench);
    const newest = bench.client.workflow.getHandle(rollout.handle.workflowId);
    for (const handle of [rollout.handle, newest]) await handle.result().catch(() => undefined);

    await save(name, newest);
    for (const [other, find] of Object.entries(run.also ?? {})) await save(other, find(rollout, bench));
  });
}
