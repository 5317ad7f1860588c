import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MemoryTarget } from '../support/memory-target.js';
import { useCliBench } from './cli-bench.js';

const bench = useCliBench();
const { on } = bench;

it('writes the page of a rollout that went back, with what was measured', async () => {
  const target = new MemoryTarget();
  target.behaviour.set('green', { errors: 0.5, slow: 0 });
  bench.targets.set('bad', target);
  const spec = await bench.spec('bad', ['create', 'ramp: 50%\n    for: 1s .. 20s']);
  expect((await on('bad', ['submit', spec, '--wait'])).code).toBe(4);
  const file = join(bench.folder, 'bad.html');

  const told = await on('bad', ['report', 'diabetes', '--file', file]);

  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(told.stdout).toMatch(/^diabetes: .*bad\.html \(\d+ KB\)\n$/);
  const page = await readFile(file, 'utf8');
  expect(page).toContain('<strong>Rolled back</strong>');
  expect(page).toContain('aria-label="Error rate of both deployments over time"');
  expect(page).toContain('at most 2 pp more than blue');
  expect(page).toContain('Rollout of diabetes: the serving deployment → green');
});

it('writes the page of a rollout under way, as far as its newest look', async () => {
  bench.targets.set('running', new MemoryTarget());
  const spec = await bench.spec('running', ['create', 'ramp: 10%\n    for: 1h .. 2h']);
  await on('running', ['submit', spec]);
  const file = join(bench.folder, 'running.html');
  const page = async (): Promise<string> => {
    await on('running', ['report', 'diabetes', '--file', file]);
    return readFile(file, 'utf8').catch(() => '');
  };

  // Two looks are needed before there is something to count.
  await expect.poll(page, { interval: 500 }).toContain('aria-label="Error rate of both');

  expect(await page()).toContain('<strong>Under way: ramping</strong>');
  await on('running', ['abort', 'diabetes', '--reason', 'the test is over']);
});

it('says when there is no rollout to report on', async () => {
  const told = await on('nobody', ['report', 'diabetes', '--file', join(bench.folder, 'none.html')]);

  expect(told.code).toBe(10);
  expect(told.stderr).toContain('knows no rollout of diabetes');
});
