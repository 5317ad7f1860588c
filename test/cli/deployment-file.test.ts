import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadDeployment } from '../../spec/load-deployment.js';
import { greenlight, temporaryFolder } from './cli.js';

const BLUE = `name: blue
endpoint_name: iris
type: kubernetes
environment: { image: registry/model:1 }
instance_type: Standard_DS3_v2
environment_variables: { TOKEN: 'Bearer \${secret:API}' }
properties: { greenlight.prot: '80' }
scale_settings: { type: target_utilization, min_instances: 5, max_instances: 2 }
`;

it('the first deployment of an endpoint meets the rules of every other, before anything is created', async () => {
  const file = join(await temporaryFolder(), 'blue.yml');
  await writeFile(file, BLUE);

  const { ok, problems } = await loadDeployment(
    file,
    { kind: 'kubernetes', namespace: 'models' },
    'diabetes',
  );
  const told = await greenlight([
    ...['endpoint', 'create', 'diabetes', '--deployment', file],
    ...['--target', 'kubernetes/models', '--output', 'json'],
  ]);

  expect(ok).toBe(false);
  expect(problems.map(({ path }) => path)).toEqual(
    expect.arrayContaining([
      'endpoint_name',
      'environment_variables.TOKEN',
      'instance_type',
      'properties["greenlight.prot"]',
      'scale_settings.min_instances',
    ]),
  );
  expect(told.code).toBe(3);
  expect(told.stderr).not.toContain('creating endpoint');
  expect(JSON.parse(told.stdout)).toEqual({ ok: false, problems });
});
