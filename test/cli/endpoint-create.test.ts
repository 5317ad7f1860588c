import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { PortError, type AdminEndpoints } from '../../adapters/ports.js';
import { endpointCreate } from '../../cli/commands/endpoint-create.js';
import type { Context } from '../../cli/context.js';
import { temporaryFolder } from './cli.js';

const endpoints = vi.hoisted(() => ({}) as Partial<AdminEndpoints>);
vi.mock('../../cli/endpoints.js', () => ({ openEndpoints: () => Promise.resolve(endpoints) }));

const SECRET = 'hunter2-and-more';

const BLUE = `name: blue
type: kubernetes
environment: { image: registry/model:1 }
environment_variables: { DB_PASSWORD: '\${secret:db-password}' }
`;

/** What the command throws where the target has this of the first deployment. */
async function thrown(target: Pick<AdminEndpoints, 'createDeployment' | 'readDeployment'>): Promise<unknown> {
  const file = join(await temporaryFolder(), 'blue.yml');
  await writeFile(file, BLUE);
  Object.assign(endpoints, target, {
    createEndpoint: () => Promise.resolve(),
    read: () => Promise.resolve({ deployments: [], traffic: { live: {}, mirror: {} } }),
  });
  const ctx = {
    env: { GREENLIGHT_SECRET_DB_PASSWORD: SECRET },
    target: { kind: 'kubernetes', namespace: 'models' },
    out: { note: () => undefined },
  } as unknown as Context;
  return endpointCreate(ctx, ['diabetes'], { deployment: file }).catch((error: unknown) => error);
}

it.each([
  [
    'where the target refuses it',
    {
      createDeployment: () =>
        Promise.reject(new PortError(`${SECRET} is no number`, { kind: 'permanent', code: 'BadArgument' })),
    },
    {
      name: 'PortError',
      kind: 'permanent',
      code: 'BadArgument',
      message: '${secret:db-password} is no number',
    },
  ],
  [
    'where it does not start',
    { readDeployment: () => Promise.resolve({ state: 'failed', error: `no database at app:${SECRET}@db` }) },
    {
      exit: 'refused',
      message: expect.stringContaining('app:${secret:db-password}@db\nSee `greenlight') as string,
    },
  ],
])('shows no secret of a first deployment %s', async (_where, found, shown) => {
  const target = { createDeployment: () => Promise.resolve(), ...found } as unknown as AdminEndpoints;

  expect(await thrown(target)).toMatchObject(shown);
});
