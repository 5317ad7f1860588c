import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestHost } from '../live/harness.js';
import { FOLDER, pythonWithAzureAiMl } from './environment.js';

/** One line of the script: what Microsoft's client saw after one step. */
type Step = Readonly<Record<string, unknown>> & { readonly step: string };

const seen = new Map<string, Step>();
let host: TestHost;

beforeAll(async () => {
  const python = await pythonWithAzureAiMl();
  host = await TestHost.start();
  const child = spawn(python, [join(FOLDER, 'drive.py'), host.file.url, host.file.tokenFile, FOLDER], {
    env: { PATH: process.env['PATH'], HOME: host.folder, REQUESTS_CA_BUNDLE: host.file.caFile },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 540_000,
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  for (const line of out.split('\n').filter((each) => each.startsWith('{'))) {
    const step = JSON.parse(line) as Step;
    seen.set(step.step, step);
  }
  if (child.exitCode !== 0) throw new Error(`the script ended with ${child.exitCode}:\n${err.slice(-4_000)}`);
}, 600_000);

afterAll(() => host.dispose());

it.each<[string, object]>([
  ['endpoint', { name: 'diabetes', auth: 'key', tags: { purpose: 'test' } }],
  ['deployment', { name: 'green', state: 'Succeeded', count: 1 }],
  [
    'invoke',
    {
      blue: { name: 'blue', model: 'the model', asked: { data: [1, 2] } },
      green: { name: 'green', model: 'the model', asked: { data: [1, 2] } },
    },
  ],
  ['traffic', { traffic: { blue: 90, green: 10 }, mirror: {}, state: 'Succeeded', answers: 'the model' }],
  ['mirror', { traffic: { blue: 100 }, mirror: { green: 10 }, state: 'Succeeded' }],
  ['mirror off', { traffic: { blue: 100, green: 0 }, mirror: {}, state: 'Succeeded' }],
  ['scale', { count: 2, state: 'Succeeded' }],
  ['logs', { text: expect.stringContaining('loading the model of blue') }],
  ['keys', { primary_kept: true, secondary_new: true }],
  ['token', { type: 'Bearer', hours_left: 12 }],
  ['list', { endpoints: ['diabetes', 'tokens'], deployments: ['blue', 'green'] }],
  ['same files', { uploads_kept: true }],
  ['delete live', { refused: true, status: 400, code: 'DeploymentHasTraffic' }],
  ['failed', { state: 'Failed', told: expect.stringContaining('init says no') }],
  ['delete deployment', { left: ['blue'] }],
  ['delete endpoint', { left: ['tokens'] }],
])('Microsoft’s own client: %s', (step, facts) => {
  expect(seen.get(step)).toMatchObject(facts);
});
