import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { greenlight, temporaryFolder } from './cli.js';

const EXPECTED =
  'expected host/WORKSPACE (default host/local), azureml/SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE, kubernetes/NAMESPACE, or kubernetes/CONTEXT/NAMESPACE\n';

describe('a command line that cannot be right is told', () => {
  it.each([
    ['validate', '-'],
    ['submit', '-'],
  ])('%s: that a spec is no standard input', async (command, file) => {
    const told = await greenlight([command, file]);

    expect(told).toMatchObject({
      code: 2,
      stderr:
        'greenlight: A spec is read from a file, not from standard input: what it names is looked for beside it.\nWrite it to a file, and name that.\n',
    });
  });

  it('who names a target that is none: the variable', async () => {
    const { code, stderr } = await greenlight(['list'], { env: { GREENLIGHT_TARGET: 'kubernets/ml' } });

    expect([code, stderr]).toEqual([
      2,
      `greenlight: GREENLIGHT_TARGET: "kubernets/ml" is no target; ${EXPECTED}`,
    ]);
  });

  it('who names a target that is none: the option, which counts before the variable', async () => {
    const env = { GREENLIGHT_TARGET: 'kubernets/ml' };

    const { stderr } = await greenlight(['list', '--target', 'azureml/ml'], { env });

    expect(stderr).toBe(`greenlight: --target: "azureml/ml" is no target; ${EXPECTED}`);
  });

  it('that there is no such command to help with', async () => {
    const { code, stderr } = await greenlight(['help', 'lst']);

    expect([code, stderr]).toEqual([
      2,
      "greenlight: unknown command 'lst'\n(Did you mean list?)\nRun `greenlight --help` to see what it takes.\n",
    ]);
  });

  it('which option was meant', async () => {
    const { stderr } = await greenlight(['list', '--al']);

    expect(stderr).toContain("unknown option '--al'\n(Did you mean --all?)\n");
  });
});

describe('a spec that is not there', () => {
  it('is looked for from the folder of the command', async () => {
    const { code, stderr } = await greenlight(['submit', join(await temporaryFolder(), 'nope.yml')]);

    expect(code).toBe(3);
    expect(stderr).toContain(
      'nope.yml does not exist\n = help: check the path; it is relative to the folder that the command runs in\n',
    );
  });

  it('is told by the name that it has', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'rollout.yml'), '');

    const { stderr } = await greenlight(['validate', join(folder, 'rollout.yaml')]);

    expect(stderr).toContain(` = help: did you mean ${join(folder, 'rollout.yml')}?\n`);
  });
});
