import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { machineSecrets } from '../../adapters/secrets.js';
import { isBrokenReference, secretName, withSecrets } from '../../core/secrets.js';
import { greenDeployment } from '../../bench/support/plans.js';

async function folderWith(name: string, content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'greenlight-secrets-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, name), content);
  return folder;
}

describe('a reference to a secret', () => {
  it.each`
    value                       | name             | broken
    ${'${secret:db-password}'}  | ${'db-password'} | ${false}
    ${'plain'}                  | ${undefined}     | ${false}
    ${'${HOME}'}                | ${undefined}     | ${false}
    ${'x ${secret:db}'}         | ${undefined}     | ${true}
    ${'${secret:../../passwd}'} | ${undefined}     | ${true}
    ${'${secret:.hidden}'}      | ${undefined}     | ${true}
    ${'${secret:}'}             | ${undefined}     | ${true}
  `(
    '$value names $name, broken: $broken',
    ({ value, name, broken }: { value: string; name: unknown; broken: boolean }) => {
      expect(secretName(value)).toBe(name);
      expect(isBrokenReference(value)).toBe(broken);
    },
  );

  it('is replaced in the deployment that is created, and stays in the plan', async () => {
    const asked = { ...greenDeployment, environmentVariables: { A: 'plain', B: '${secret:b}' } };

    const whole = await withSecrets(asked, (name) => Promise.resolve(`the secret ${name}`));

    expect(whole.environmentVariables).toEqual({ A: 'plain', B: 'the secret b' });
    expect(asked.environmentVariables.B).toBe('${secret:b}');
  });
});

describe('secrets of a machine', () => {
  it('are files of a folder, without the line break at their end', async () => {
    const folder = await folderWith('db-password', 'hunter2\n');

    await expect(machineSecrets({ GREENLIGHT_SECRETS_DIR: folder })('db-password')).resolves.toBe('hunter2');
  });

  it('or variables with a prefix, and no others: a spec cannot read what the worker has for itself', async () => {
    const secrets = machineSecrets({ GREENLIGHT_SECRET_DB_PASSWORD: 'hunter2', TEMPORAL_API_KEY: 'mine' });

    await expect(secrets('db-password')).resolves.toBe('hunter2');
    await expect(secrets('TEMPORAL_API_KEY')).rejects.toThrow(
      'There is no secret "TEMPORAL_API_KEY" here: GREENLIGHT_SECRETS_DIR is not set, and neither is GREENLIGHT_SECRET_TEMPORAL_API_KEY set',
    );
  });

  it('that are missing are named with both places, as a fault that waiting does not mend', async () => {
    const folder = await folderWith('other', '');

    await expect(machineSecrets({ GREENLIGHT_SECRETS_DIR: folder })('db')).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining(`${join(folder, 'db')} does not exist`) as string,
    });
  });
});
