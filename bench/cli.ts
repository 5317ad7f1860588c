/**
 * Cold start of the command line, against an empty Node program in the same run.
 *
 *   npm run bench -- cli [--runs N] [--output json]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../embedded/package-root.js';
import { type Figure, median, tell, wholeNumber } from './support/figures.js';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '15' }, output: { type: 'string', default: 'text' } },
});
const runs = wholeNumber('--runs', values.runs);
const program = join(packageRoot(), 'dist', 'bin', 'greenlight.js');
/** The models that its deployment file names are there by name only: nobody has to train them for this. */
const folder = mkdtempSync(join(tmpdir(), 'greenlight-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
cpSync(join(packageRoot(), 'rollout-specs'), folder, { recursive: true });
mkdirSync(join(folder, 'diabetes', 'models'), { recursive: true });
writeFileSync(join(folder, 'diabetes', 'models', 'diabetes-v2.joblib'), '');
const spec = join(folder, 'standard.yml');

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  'node -e 0': ['-e', '0'],
  '--help': [program, '--help'],
  validate: [program, 'validate', spec],
  plan: [program, 'plan', spec],
};

/** Milliseconds from start to exit. */
function time(args: readonly string[]): number {
  const from = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const took = performance.now() - from;
  if (status !== 0) throw new Error(`node ${args.join(' ')} ended with ${status}: ${stderr}`);
  return took;
}

const names = Object.keys(COMMANDS);
const times = new Map<string, number[]>(names.map((name) => [name, []]));
for (let run = -1; run < runs; run++) {
  for (const name of names) {
    const took = time(COMMANDS[name] ?? []);
    // The first of each fills the file cache.
    if (run >= 0) times.get(name)?.push(took);
  }
}
const empty = times.get('node -e 0') ?? [];
const ratio = (name: string) => median((times.get(name) ?? []).map((took, i) => took / (empty[i] ?? NaN)));
const figures: Figure[] = [
  ...names.map((name) => ({ name, value: median(times.get(name) ?? []), unit: 'ms' })),
  ...names.slice(1).map((name) => ({
    name: `${name} / node -e 0`,
    value: ratio(name),
    unit: '',
    want: { atMost: 3 },
  })),
];
tell(
  { bench: 'cli', figures, notes: [`${runs} runs in turn; medians, the ratio run by run`] },
  values.output === 'json',
);
