import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { PortError, type AdminEndpoints } from '../../adapters/ports.js';
import { endpointCreate } from '../../cli/commands/endpoint-create.js';
import type { Context } from '../../cli/context.js';
import type { Target } from '../../core/plan.js';
import { temporaryFolder } from './cli.js';

const endpoints = vi.hoisted(() => ({}) as Partial<AdminEndpoints>);
vi.mock('../../cli/endpoints.js', () => ({
  openEndpoints: () => Promise.resolve(endpoints),
  writeAndReadBack: () => Promise.resolve(),
}));

const SECRET = 'hunter2-and-more';

const BLUE = `name: blue
type: kubernetes
environment: { image: registry/model:1 }
environment_variables: { DB_PASSWORD: '\${secret:db-password}' }
`;

const NAMESPACE: Target = { kind: 'kubernetes', namespace: 'models' };

/** Creates an endpoint with a first deployment, where the target has this of it; what is printed, or thrown. */
async function created(
  of: Pick<AdminEndpoints, 'createDeployment' | 'readDeployment'>,
  target: Target = NAMESPACE,
): Promise<unknown> {
  const file = join(await temporaryFolder(), 'blue.yml');
  await writeFile(file, BLUE);
  Object.assign(endpoints, of, {
    createEndpoint: () => Promise.resolve(),
    read: () =>
      Promise.resolve({
        name: 'diabetes',
        deployments: [],
        traffic: { live: {}, mirror: {} },
        scoringUri: '',
      }),
  });
  const printed: string[] = [];
  const ctx = {
    env: { GREENLIGHT_SECRET_DB_PASSWORD: SECRET },
    target,
    out: { note: () => undefined, result: (text: string) => printed.push(text) },
  } as unknown as Context;
  return endpointCreate(ctx, ['diabetes'], { deployment: file }).then(
    () => printed.join('\n'),
    (error: unknown) => error,
  );
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
    'where the target is busy',
    {
      createDeployment: () =>
        Promise.reject(
          new PortError(`${SECRET} later`, { kind: 'throttled', code: 'Busy', retryAfterMs: 7_000 }),
        ),
    },
    {
      name: 'PortError',
      kind: 'throttled',
      code: 'Busy',
      retryAfterMs: 7_000,
      message: '${secret:db-password} later',
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

  expect(await created(target)).toMatchObject(shown);
});

it.each`
  target                                  | keys     | because
  ${{ kind: 'host', workspace: 'local' }} | ${true}  | ${'clients call with one'}
  ${NAMESPACE}                            | ${false} | ${'the gateway says who may call, and there are none'}
`(
  'tells of keys on $target.kind: $keys, since $because',
  async ({ target, keys }: { target: Target; keys: boolean }) => {
    const ready = {
      createDeployment: () => Promise.resolve(),
      readDeployment: () => Promise.resolve({ state: 'ready' }),
    } as unknown as AdminEndpoints;

    const told = await created(ready, target);

    expect(told).toContain('The next version comes with `greenlight submit SPEC`.');
    expect(String(told).includes('greenlight endpoint keys')).toBe(keys);
  },
);

it("takes a gateway's first moments for no fault", async () => {
  Object.assign(endpoints, {
    createEndpoint: () => Promise.resolve(),
    read: () =>
      Promise.resolve({
        name: 'diabetes',
        kind: 'kubernetes',
        state: 'updating',
        error: 'gateway door has not taken note of HTTPRoute diabetes',
        deployments: [],
        traffic: { live: {}, mirror: {} },
        scoringUri: '',
      }),
  });
  const printed: string[] = [];
  const out = { note: () => undefined, result: (text: string) => printed.push(text) };

  await endpointCreate({ env: {}, target: NAMESPACE, out } as unknown as Context, ['diabetes'], {});

  expect(printed.join('\n')).toMatch(/^diabetes \(kubernetes\) is updating\nTraffic/);
});
