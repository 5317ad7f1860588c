import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { useCliBench } from '../cli/cli-bench.js';
import { MemoryTarget } from '../support/memory-target.js';

// As a user does it: programs in a folder of their own, which know the package by its name and have compiled types.
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
const bench = useCliBench();
let folder = '';
/** Where the programs run: beside their spec, and not beside their packages. */
let work = '';

beforeAll(async () => {
  folder = join(bench.folder, 'user');
  work = join(folder, 'work');
  await mkdir(work, { recursive: true });
  // What `npm install ../greenlight` makes of a folder.
  await mkdir(join(folder, 'node_modules', '@types'), { recursive: true });
  await symlink(ROOT, join(folder, 'node_modules', 'greenlight'));
  await symlink(join(ROOT, 'node_modules', '@types', 'node'), join(folder, 'node_modules', '@types', 'node'));
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(join(folder, 'example.ts'), await exampleOfTheDocs());
  await writeFile(join(folder, 'steering.ts'), STEERING);
  const options = { strict: true, module: 'NodeNext', target: 'ES2023', types: ['node'], skipLibCheck: true };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['example.ts', 'steering.ts'] }),
  );
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(process.execPath, [tsc, '-p', folder]).catch((error: unknown) => {
    throw new Error(`the programs do not compile: ${(error as { stdout: string }).stdout}`);
  });
});

/** The one TypeScript example of docs/library.md. */
async function exampleOfTheDocs(): Promise<string> {
  const text = await readFile(join(ROOT, 'docs', 'library.md'), 'utf8');
  const [example, ...more] = [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code]) => code ?? '');
  if (example === undefined || more.length > 0) throw new Error('docs/library.md has not one example');
  return example;
}

const STEERING = `
import { Greenlight, GreenlightError, SpecError, type RolloutEvent } from 'greenlight';

const [address = '', namespace = '', workspace = ''] = process.argv.slice(2);
const greenlight = await Greenlight.connect({
  temporal: { address, namespace },
  target: \`host/\${workspace}\`,
  by: 'ada',
});
const told: Record<string, unknown> = {};
const codeOf = async (work: Promise<unknown>) =>
  work.then(() => null, (error: unknown) => (error instanceof GreenlightError ? error.code : String(error)));
try {
  told.unknown = await codeOf(greenlight.rollout('nobody-knows-it'));
  told.wrongSpec = await greenlight.submit('./wrong.yml').catch((error: unknown) =>
    error instanceof SpecError ? error.problems.map(({ code }) => code) : String(error));
  const rollout = await greenlight.submit('./rollout.yml');
  told.taken = await codeOf(greenlight.submit('./rollout.yml'));
  const kinds: RolloutEvent['kind'][] = [];
  for await (const event of greenlight.watch('diabetes')) {
    kinds.push(event.kind);
    if (event.kind === 'traffic' && (event.traffic.live['green'] ?? 0) > 0) {
      told.early = await codeOf(rollout.approve());
      told.paused = await rollout.pause({ reason: 'lunch' });
    }
    if (event.kind === 'paused') {
      const now = await greenlight.status('diabetes');
      told.status = now.kind === 'running' ? [now.status.phase, now.status.paused?.by] : now.kind;
      told.aborted = await greenlight.abort('diabetes', { reason: 'enough', by: 'bob' });
    }
    if (event.kind === 'ended') told.ended = event.ended.kind === 'report' ? event.ended.report.outcome : null;
  }
  told.kinds = [...new Set(kinds)];
  told.result = (await rollout.result()).kind;
  told.late = await codeOf(greenlight.abort('diabetes', { reason: 'again' }));
  told.windows = (await greenlight.evidence('diabetes')).windows.length > 0;
  told.list = (await greenlight.list({ all: true, target: \`host/\${workspace}\` })).map(({ endpoint }) => endpoint);
} finally {
  await greenlight.close();
}
console.log(JSON.stringify(told));
`;

/** Runs a compiled program beside a spec of `workspace`, whose endpoint lives in this process. */
async function program(name: string, workspace: string, steps: readonly string[], env = {}) {
  bench.targets.set(workspace, new MemoryTarget());
  const spec = await bench.spec(workspace, steps);
  for (const file of ['green.yml', 'score.py']) {
    await writeFile(join(work, file), await readFile(join(dirname(spec), file)));
  }
  await writeFile(join(work, 'rollout.yml'), await readFile(spec));
  await writeFile(join(work, 'wrong.yml'), 'endpoint: diabetes\ndeploymnet: ./green.yml\n');
  return run(
    process.execPath,
    [join(folder, `${name}.js`), inject('temporalAddress'), bench.namespace, workspace],
    { cwd: work, env: { ...process.env, ...env } },
  );
}

describe("import { Greenlight } from 'greenlight'", () => {
  it('runs the example of the docs: submits, watches, approves, and writes the report', async () => {
    const { stdout } = await program(
      'example',
      'library-docs',
      ['create', 'ramp: 50%\n    for: 1s .. 20s', 'approve: { within: 1h }', 'cutover'],
      { TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_NAMESPACE: bench.namespace },
    );

    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('create: green is ready');
    expect(lines[1]).toMatch(/^ramp 50 %: errors proven: /);
    expect(lines.slice(2).sort()).toEqual(
      [
        'approved',
        'approve: approved by release-pipeline: the nightly evaluation was good',
        'cutover: green 100 %',
        'promoted',
      ].sort(),
    );
    expect(await readFile(join(work, 'rollout.html'), 'utf8')).toContain('Promoted');
    expect(bench.targets.get('library-docs')?.traffic.live).toEqual({ green: 100 });
  }, 90_000);

  it('steers a rollout, and says by code what does not fit', async () => {
    const { stdout } = await program('steering', 'library-steering', [
      'create',
      'ramp: 10%\n    for: 1h .. 2h',
      'cutover',
    ]);

    expect(JSON.parse(stdout)).toMatchObject({
      unknown: 'not-found',
      wrongSpec: expect.arrayContaining(['spec/unknown-key']) as unknown,
      taken: 'already-running',
      early: 'refused',
      paused: 'paused; the gates go on watching',
      status: ['paused', 'ada'],
      aborted: 'aborting; rolling back',
      ended: 'aborted',
      result: 'report',
      late: 'not-found',
      windows: true,
      list: ['diabetes'],
    });
    const { kinds } = JSON.parse(stdout) as { kinds: string[] };
    expect(kinds).toEqual(
      expect.arrayContaining(['begun', 'step-begun', 'step-ended', 'traffic', 'acted', 'paused', 'ended']),
    );
  }, 90_000);
});
