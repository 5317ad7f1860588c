/**
 * From nothing to the first finished rollout, by part. Nothing but the caches is kept.
 *
 *   npm run bench -- start [--cold] [--output json]
 *
 * `--cold`: with an empty cache folder, so that Temporal, Envoy and the model server are fetched.
 */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { greenlight } from '../demo/command.js';
import { ensureModels, specFolder } from '../demo/models.js';
import { startStack, stopStack } from '../embedded/stack.js';
import { ensureTools } from '../embedded/tools.js';
import { type Figure, tell } from './support/figures.js';

const { values } = parseArgs({
  options: { cold: { type: 'boolean', default: false }, output: { type: 'string', default: 'text' } },
});

/** Without a watching step: there is no traffic to watch, and dwells are the user's and not the engine's. */
const SPEC = `endpoint: diabetes
deployment: ./diabetes/green-deployment.yml
steps: [create, { smoke: { request: ./diabetes/sample-request.json } }, cutover, delete-baseline]
`;

const figures: Figure[] = [];
const began = performance.now();

async function part<T>(name: string, work: () => Promise<T>): Promise<T> {
  const from = performance.now();
  const result = await work();
  figures.push({ name, value: (performance.now() - from) / 1000, unit: 's' });
  return result;
}

async function command(state: string, args: readonly string[]): Promise<void> {
  const said: string[] = [];
  const signal = new AbortController().signal;
  const { exitCode } = await greenlight(args, { state, signal, onLine: (line) => said.push(line) });
  if (exitCode !== 0)
    throw new Error(`greenlight ${args.join(' ')} ended with ${exitCode}:\n${said.join('\n')}`);
}

const folder = await mkdtemp(join(tmpdir(), 'greenlight-bench-'));
const state = join(folder, 'state');
if (values.cold) process.env['GREENLIGHT_CACHE'] = join(folder, 'cache');
try {
  const { python } = await part('Temporal, Envoy and the model server', () => ensureTools());
  await part('models', () => ensureModels(python));
  const specs = join(folder, 'specs');
  await cp(specFolder(), specs, { recursive: true });
  await writeFile(join(specs, 'first.yml'), SPEC);
  await part('greenlight up', () => startStack({ state }));
  await part('endpoint with its first deployment', () =>
    command(state, [
      ...['endpoint', 'create', 'diabetes'],
      ...['--deployment', join(specs, 'diabetes', 'blue-deployment.yml')],
    ]),
  );
  await part('first rollout', () => command(state, ['submit', join(specs, 'first.yml'), '--wait']));
  figures.push({
    name: 'in all',
    value: (performance.now() - began) / 1000,
    unit: 's',
    ...(values.cold ? {} : { want: { atMost: 90 } }),
  });
} finally {
  await stopStack({ state });
  await rm(folder, { recursive: true, force: true });
}
tell(
  {
    bench: 'start',
    figures,
    notes: [values.cold ? 'caches empty at the start' : 'caches filled at the start'],
  },
  values.output === 'json',
);
