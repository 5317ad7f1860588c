import { Client, Connection } from '@temporalio/client';
import { expect, inject, type TestContext } from 'vitest';
import type { Session } from '../../client/temporal.js';
import { MemoryTarget } from '../support/memory-target.js';
import { LONG, useCliBench } from './cli-bench.js';

export const QUICK = ['create', 'cutover', 'delete-baseline'];

export const lifeOfGreen = ({ writes }: MemoryTarget) =>
  writes.filter((write) => /^(create|delete) green$/.test(write));

/** A bench for rollouts that hold an endpoint, and for those that want it. */
export function useTurns() {
  const bench = useCliBench();
  const { on } = bench;

  /** An endpoint in memory with a rollout of ada's that holds it, and a spec of another. */
  async function held(
    test: TestContext,
    workspace: string,
  ): Promise<{ readonly target: MemoryTarget; readonly spec: string }> {
    const target = new MemoryTarget();
    bench.targets.set(workspace, target);
    test.onTestFinished(async () => {
      await on(workspace, ['abort', 'diabetes', '--reason', 'the test is over']);
    });
    expect((await on(workspace, ['submit', await bench.spec(workspace, LONG), '--by', 'ada'])).code).toBe(0);
    await test.expect
      .poll(() => target.traffic, { interval: 50 })
      .toEqual({ live: { blue: 90, green: 10 }, mirror: {} });
    return { target, spec: await bench.spec(workspace, QUICK) };
  }

  const lastOf = async (workspace: string) =>
    JSON.parse((await on(workspace, ['status', 'diabetes', '--output', 'json'])).stdout) as Record<
      string,
      unknown
    >;

  async function connected(test: TestContext): Promise<Client> {
    const connection = await Connection.connect({ address: inject('temporalAddress') });
    test.onTestFinished(() => connection.close());
    return new Client({ connection, namespace: bench.namespace });
  }

  /** As much of one as a queue is asked with. */
  async function openSession(test: TestContext): Promise<Session> {
    return { client: await connected(test), place: { namespace: bench.namespace } } as unknown as Session;
  }

  return { bench, on, held, lastOf, connected, openSession };
}
