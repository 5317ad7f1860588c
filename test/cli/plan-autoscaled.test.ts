import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { plan } from '../../cli/commands/plan.js';
import type { Context } from '../../cli/context.js';
import { Folder, GREEN, SPEC } from '../spec/folder.js';
import { MemoryTarget } from '../support/memory-target.js';

const target = new MemoryTarget();
let holds = false;
vi.mock('../../adapters/targets.js', () => ({
  createTargets: () => () => {
    const { autoscaling, ...ports } = target.ports();
    return Promise.resolve(holds ? { ...ports, autoscaling } : ports);
  },
}));

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
  await folder.write({ 'green.yml': GREEN, 'spec.yml': SPEC });
  target.autoscaled.clear();
  holds = false;
});
afterEach(() => folder.remove());

async function notes(): Promise<string> {
  const told: string[] = [];
  const out = { json: false, result: () => undefined, note: (text: string) => told.push(text) };
  await plan(
    { out, stateDir: folder.path, targetFrom: null } as unknown as Context,
    [folder.at('spec.yml')],
    { rps: 100 },
  );
  return told.join('\n');
}

it('plan says that a rollback would meet what an autoscaler has left of the baseline', async () => {
  expect(await notes()).not.toContain('autoscaler');
  target.autoscaled.add('blue');

  expect(await notes()).toContain(
    'On diabetes an autoscaler counts the instances of blue: it takes some away once the new version serves',
  );
});

it('plan says nothing of it where the rollout holds its minimum, or nobody can tell', async () => {
  target.autoscaled.add('blue');
  holds = true;
  expect(await notes()).not.toContain('autoscaler');

  holds = false;
  target.fault = (call) => (call === 'isAutoscaled' ? 'throw-permanent' : undefined);
  expect(await notes()).not.toContain('autoscaler');
});
