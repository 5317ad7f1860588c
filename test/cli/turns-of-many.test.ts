import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, inject, it, vi } from 'vitest';
import type { GreenlightError } from '../../client/errors.js';
import { Greenlight } from '../../client/greenlight.js';
import { enqueue, queueEntry, readQueue, withdraw } from '../../client/queue.js';
import { queueId } from '../../core/queue.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, planOf, SMOKE } from '../support/plans.js';
import { LONG } from './cli-bench.js';
import { lifeOfGreen, useTurns } from './turns.js';

// Each of these is two rollouts and more, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 180_000 });

const { bench, held, lastOf, on, openSession } = useTurns();

/** An endpoint in memory whose green fails its smoke test, and so many specs that differ. */
async function failing(workspace: string, count: number) {
  const target = Object.assign(new MemoryTarget(), { smokeStatus: 424 });
  bench.targets.set(workspace, target);
  const specs: string[] = [];
  for (let nth = 1; nth <= count; nth++) {
    const steps = ['create', 'smoke: ./request.json', 'cutover'];
    const spec = await bench.spec(workspace, steps, [`rollback-within: ${nth}m`]);
    specs.push(spec.replace(/yml$/, `${nth}.yml`));
    await rename(spec, specs.at(-1)!);
    await writeFile(join(dirname(spec), 'request.json'), '{}');
  }
  return { target, specs };
}

it('of many that queue at once each has its turn, once, and no two at a time', async () => {
  const { target, specs } = await failing('line', 8);

  const told = await Promise.all(
    specs.map((spec, nth) => on('line', ['submit', spec, '--queue', '--wait', '--by', `person-${nth}`])),
  );

  expect(told.map(({ code, stderr }) => (code === 4 ? code : stderr))).toEqual(specs.map(() => 4));
  expect(lifeOfGreen(target)).toEqual(specs.flatMap(() => ['create green', 'delete green']));
  expect(target.traffic.live).toEqual({ blue: 100 });
});

it('of many that supersede at once, who is told that it runs had its turn, and no two at a time', async (test) => {
  const { target, spec } = await held(test, 'claims');
  await bench.spec('claims', LONG);

  const told = await Promise.all(
    Array.from({ length: 6 }, (_, nth) =>
      on('claims', ['submit', spec, '--supersede', '--by', `person-${nth}`]),
    ),
  );

  const began = told.filter(({ code }) => code === 0);
  expect(told.filter(({ code }) => code !== 0 && code !== 7)).toEqual([]);
  expect(began).not.toEqual([]);
  await test.expect.poll(() => lastOf('claims')).toMatchObject({ phase: 'ramping' });
  expect(lifeOfGreen(target)).toEqual([
    'create green',
    ...began.flatMap(() => ['delete green', 'create green']),
  ]);
});

it('goes on as a new run after many changes, with all who wait', async (test) => {
  const { target } = await held(test, 'renewed');
  target.smokeStatus = 424; // so that each is over soon
  const session = await openSession(test);
  const host = { kind: 'host', workspace: 'renewed' } as const;
  const entryOf = (digest: string) => {
    const plan = planOf('diabetes', [CREATE, SMOKE], { target: host, digest });
    return queueEntry(plan, { digest, by: 'bob', spec: `${digest}.yml` });
  };
  const waiting = [entryOf('first'), entryOf('second')];
  for (const entry of waiting) await enqueue(session, { entry, first: false });
  const queue = session.client.workflow.getHandle(queueId(host, 'diabetes'));
  const { runId } = await queue.describe();
  for (let nth = 1; nth <= 30; nth++) {
    const entry = entryOf(`changed-${nth}`);
    await enqueue(session, { entry, first: false });
    await withdraw(session, host, 'diabetes', { id: entry.id, by: 'bob', reason: '' });
  }

  await on('renewed', ['abort', 'diabetes', '--reason', 'enough']);
  const over = async () => (await readQueue(session, host, 'diabetes'))?.running;
  await test.expect.poll(over).toBe(false);

  const renewed = await queue.describe();
  expect(renewed.runId).not.toBe(runId);
  // Who waits is read from the memo, also before the new run's first task.
  const [begun] =
    (await session.client.workflow.getHandle(queue.workflowId, renewed.runId).fetchHistory()).events ?? [];
  expect(begun?.workflowExecutionStartedEventAttributes?.memo?.fields).toHaveProperty('waiting');
  const { fates = [] } = (await readQueue(session, host, 'diabetes')) ?? {};
  expect(fates.filter(({ fate }) => fate === 'started').map(({ id }) => id)).toEqual(
    waiting.map(({ id }) => id),
  );
  const lives = [1, 2, 3].flatMap(() => ['create green', 'delete green']);
  await test.expect.poll(() => lifeOfGreen(target)).toEqual(lives);
});

it('of a hundred submits at once on one endpoint exactly one runs, and all others learn who has it', async (test) => {
  bench.targets.set('crowd', new MemoryTarget());
  test.onTestFinished(async () => {
    await on('crowd', ['abort', 'diabetes', '--reason', 'the test is over']);
  });
  const spec = await bench.spec('crowd', LONG);

  // By one connection: a hundred commands in one process keep each other from what a command waits five seconds for.
  const people = await Greenlight.connect({
    temporal: { address: inject('temporalAddress'), namespace: bench.namespace },
  });
  test.onTestFinished(() => people.close());

  const told = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      people.submit(spec, { by: `person-${i}` }).then(
        () => null,
        (error: unknown) => error as GreenlightError,
      ),
    ),
  );

  const refused = told.filter((error) => error !== null);
  expect(refused).toHaveLength(99);
  const holder = `is held by a rollout of person-${told.indexOf(null)} `;
  expect(
    refused.filter(({ code, message }) => code !== 'already-running' || !message.includes(holder)),
  ).toEqual([]);
});
