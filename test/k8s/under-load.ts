import { expect } from 'vitest';
import type { Clients, Got } from './clients.js';
import type { Door } from './namespace.js';
import { GOOD, PROMOTED, RAMP_ONLY, ROLLED_BACK } from './steps.js';
import type { KubernetesWorld } from './world.js';

/** What an endpoint shows: its traffic, and the names of its deployments. */
export async function shown(world: KubernetesWorld, { endpoint }: Door) {
  const { traffic, deployments } = await (await world.ports()).endpoints.read(endpoint);
  return { traffic, deployments: deployments.map(({ name }) => name).sort() };
}

export const failed = ({ got }: Clients): readonly Got[] => got.filter(({ status }) => status !== 200);

/** A good version is promoted while clients ask, and none of them loses a request. */
export async function expectPromoted(world: KubernetesWorld): Promise<void> {
  const door = await world.openEndpoint();
  const clients = world.clients(door);
  clients.start(4, 30);
  const { result, said } = await world.submit(await world.writeSpec(door, GOOD));
  await clients.stop();

  expect(result.exitCode, said.join('\n')).toBe(PROMOTED);
  expect(failed(clients)).toEqual([]);
  expect(new Set(clients.got.map(({ by }) => by))).toEqual(new Set(['blue', 'green']));
  expect(await shown(world, door)).toEqual({
    traffic: { live: { green: 100 }, mirror: {} },
    deployments: ['green'],
  });
}

/** A bad version is rolled back while clients ask: blue answers everything again, and green is gone. */
export async function expectRolledBack(world: KubernetesWorld): Promise<Door> {
  const door = await world.openEndpoint();
  const clients = world.clients(door);
  clients.start(4, 30);
  const { result, said } = await world.submit(await world.writeSpec(door, RAMP_ONLY, { BAD: 'yes' }));
  const endedMs = Date.now();
  await clients.send(100);
  await clients.stop();

  expect(result.exitCode, said.join('\n')).toBe(ROLLED_BACK);
  // Green's own mistakes, and nothing else.
  expect(new Set(failed(clients).map(({ status }) => status))).toEqual(new Set([500]));
  expect(failed(clients).filter(({ atMs }) => atMs > endedMs)).toEqual([]);
  expect(await shown(world, door)).toEqual({
    traffic: { live: { blue: 100 }, mirror: {} },
    deployments: ['blue'],
  });
  return door;
}
