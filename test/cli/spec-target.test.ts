import { describe, expect, it } from 'vitest';
import { greenlight, temporaryFolder } from './cli.js';
import { LONG, writeSpec } from './cli-bench.js';

/** Its rollout goes to host/meant; nothing runs that could be reached. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const folder = await temporaryFolder();
  const spec = await writeSpec(folder, 'meant', LONG);
  return greenlight([...args.map((arg) => (arg === 'SPEC' ? spec : arg)), '--state', folder], { env });
}

describe("a spec's own target", () => {
  it.each([['submit'], ['plan'], ['validate']])(
    'is not left by --target: %s refuses, and asks nobody',
    async (command) => {
      const told = await run([command, 'SPEC', '--target', 'host/other']);

      expect(told).toMatchObject({ code: 2, stdout: '' });
      expect(told.stderr).toMatch(
        /^greenlight: \S+\/meant\.yml is for host\/meant, and --target names host\/other\.\nA spec says itself where its endpoint lives .*, and leave --target out\.\n$/,
      );
    },
  );

  it('is told where GREENLIGHT_TARGET names another, and counts', async () => {
    const told = await run(['validate', 'SPEC'], { GREENLIGHT_TARGET: 'host/other' });

    expect(told.code).toBe(0);
    expect(told.stdout).toContain('green to diabetes on host/meant,');
    expect(told.stderr).toMatch(/meant\.yml is for host\/meant; GREENLIGHT_TARGET, host\/other, /);
  });

  it('may be named beside it, however it is written', async () => {
    const told = await run(['validate', 'SPEC', '--target', 'host/Meant'], {
      GREENLIGHT_TARGET: 'host/other',
    });

    expect(told).toMatchObject({ code: 0, stderr: '' });
  });

  it('says nothing of the gates alone, which are tried on any endpoint', async () => {
    const told = await run(['replay-gates', 'diabetes', '--gates', 'SPEC', '--target', 'host/other']);

    expect(told.code).toBe(8);
  });
});
