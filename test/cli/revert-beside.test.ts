import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { beforeEach, expect, it, vi } from 'vitest';
import type { Phase } from '../../core/run.js';
import { MemoryTarget } from '../support/memory-target.js';
import { greenlight, temporaryFolder } from './cli.js';

vi.mock('../../adapters/targets.js', () => ({
  createTargets: () => () => Promise.resolve(target.ports()),
}));
vi.mock('../../client/temporal.js', () => ({
  findTemporal: () => Promise.resolve({}),
  connect: () =>
    Promise.resolve({
      client: {
        connection: { close: () => Promise.resolve() },
        withDeadline: (_at: number, work: () => unknown) => work(),
      },
    }),
}));
vi.mock('../../client/find.js', () => ({
  findRollout: () => {
    const shown = { key: defineSearchAttributeKey('RolloutPhase', 'KEYWORD'), value: phase };
    const description = { typedSearchAttributes: new TypedSearchAttributes([shown]) };
    return Promise.resolve({ running: true, description });
  },
}));

let target: MemoryTarget;
let phase: Phase;
beforeEach(() => {
  target = new MemoryTarget();
  target.addDeployment('green');
  target.changeTraffic({ live: { blue: 90, green: 10 }, mirror: {} });
});

async function told(): Promise<string> {
  const { code, stderr } = await greenlight([
    ...['revert', 'diabetes', '--to', 'blue'],
    ...['--state', await temporaryFolder()],
  ]);
  expect(code).toBe(0);
  return stderr;
}

it('says that a rollout that goes on will hold, and how to end it', async () => {
  phase = 'ramping';

  expect(await told()).toMatch(/hold for a person:\n {2}\$ greenlight abort diabetes --reason …/);
});

it('says that one that rolls back ends by itself, and offers no abort, which it refuses', async () => {
  phase = 'rolling-back';
  const text = await told();

  expect(text).toContain('The rollout of diabetes is rolling back. It goes on by itself');
  expect(text).toContain('\n  $ greenlight status diabetes ');
  expect(text).not.toMatch(/hold for a person|greenlight abort|greenlight drift/);
});

it('says nothing of one that is over, and only tells of it', async () => {
  phase = 'finished';

  expect(await told()).not.toContain('rollout');
});
