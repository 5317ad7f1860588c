import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { until } from '../../embedded/processes.js';
import { startStack, type Stack } from '../../embedded/stack.js';
import { hostState, type HostNote } from '../../embedded/host.js';
import { stopTemporal } from '../../embedded/temporal-server.js';
import { greenlight, type Told } from '../cli/cli.js';
import { HostWorld } from '../faults/host-world.js';
import { Receiver } from '../support/receiver.js';
import { formsOf } from './forms.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const random = () => randomBytes(16).toString('hex');
/** What comes in from outside, by the variable that brings it. */
const PLANTED = {
  GREENLIGHT_SECRET_DB_PASSWORD: `planted-deployment-${random()}`,
  TEMPORAL_API_KEY: `planted-api-key-${random()}`,
  GREENLIGHT_CODEC_TOKEN: `planted-codec-token-${random()}`,
  HOOK_SECRET: `planted-webhook-secret-${random()}`,
  GREENLIGHT_LINKS_SECRET: `planted-links-secret-${random()}`,
};
/** The secret part of webhooks' addresses, as Slack's have one; the second answers that it knows nobody of that name. */
const HOOK_PATH = `planted-webhook-${random()}`;
const DEAD_HOOK_PATH = `planted-dead-webhook-${random()}`;
/** Links are served where it is said how people reach them. */
const LINKS = {
  GREENLIGHT_PUBLIC_URL: 'https://greenlight.example.com',
  GREENLIGHT_LINKS_LISTEN: '127.0.0.1:0',
};
const CODEC_KEY = randomBytes(32).toString('base64');
/** No secret, and written where people write: what finds this would find a secret. */
const CANARY = `canary-${random()}`;
const SEALED_CANARY = `sealed-canary-${random()}`;

let started: HostWorld | undefined;
let world: HostWorld;
let stack: Stack;
const outputs = new Map<string, string>();
const secrets = new Map<string, string>([
  ...Object.entries(PLANTED),
  ['path of the webhook', HOOK_PATH],
  ['path of the dead webhook', DEAD_HOOK_PATH],
]);
const receiver = new Receiver();
const before = { ...process.env };

const on = async (name: string, args: readonly string[]): Promise<Told> => {
  const told = await greenlight([...args, '--state', world.state], { env: process.env });
  outputs.set(name, told.stdout + told.stderr);
  return told;
};

/** Rolls green out and takes it back by a person's word: the longest way that needs no clients. */
async function rollOut(endpoint: string, reason: string): Promise<void> {
  await world.createEndpoint(endpoint);
  const keys = await (await world.ports()).endpoints.keys(endpoint);
  secrets.set(`primary key of ${endpoint}`, keys.primary).set(`secondary key of ${endpoint}`, keys.secondary);
  const spec = join(world.folder, `${endpoint}.yml`);
  await writeFile(
    spec,
    `endpoint: ${endpoint}\ndeployment: ./green.yml\nwatching: { interval: 1s, warm-up: 0s, blip: 1s }\n` +
      `gates:\n  errors: { metric: error-rate, worse-by: 20pp }\n` +
      `notify:\n  - webhook: \${env:DEAD_HOOK}\n    form: slack\n` +
      `  - { webhook: "\${env:HOOK}", form: cloudevents, secret: "\${env:HOOK_SECRET}", links-for: ada }\n` +
      `steps:\n  - create\n  - smoke: ./request.json\n  - ramp: 10%\n    for: 1h .. 2h\n  - cutover\n`,
  );
  const told = await on(`submit ${endpoint}`, ['submit', spec]);
  expect(told, told.stderr).toMatchObject({ code: 0 });
  const ramping = async () =>
    (await on(`status ${endpoint}`, ['status', endpoint])).stdout.includes('ramping');
  expect(await until(async () => ((await ramping()) ? true : undefined), 120_000, 500)).toBe(true);
  await on(`abort ${endpoint}`, ['abort', endpoint, '--reason', reason]);
  expect((await on(`end of ${endpoint}`, ['status', endpoint, '--wait'])).code).toBe(5);
}

beforeAll(async () => {
  const hooks = await receiver.open();
  receiver.answer = (response, nth) =>
    response.writeHead(receiver.received[nth - 1]?.path === `/${HOOK_PATH}` ? 204 : 404).end();
  const addresses = { HOOK: `${hooks}/${HOOK_PATH}`, DEAD_HOOK: `${hooks}/${DEAD_HOOK_PATH}` };
  Object.assign(process.env, PLANTED, LINKS, addresses);
  started = world = await HostWorld.start();
  await writeFile(join(world.folder, 'request.json'), '{"data": [[1]]}');
  await writeFile(
    join(world.folder, 'green.yml'),
    [
      'name: green',
      'code_configuration: { code: ./code, scoring_script: score.py }',
      'environment: azureml:sklearn:1',
      'instance_type: Standard_DS3_v2',
      'environment_variables:',
      '  NAME: green',
      '  BREAK_FILE: /nowhere',
      '  DB_PASSWORD: ${secret:db-password}',
      'readiness_probe: { initial_delay: 1, period: 1 }',
      '',
    ].join('\n'),
  );
  const note = JSON.parse(await readFile(join(hostState(world.state), 'host.json'), 'utf8')) as HostNote;
  secrets.set('host token', (await readFile(note.tokenFile, 'utf8')).trim());
  await rollOut('plain', CANARY);

  process.env['GREENLIGHT_CODEC_KEYS'] = `autumn:${CODEC_KEY}`;
  secrets.set('codec key', CODEC_KEY);
  // Its UI learns of the codec server when it starts.
  await stopTemporal(world.state);
  stack = await startStack({ state: world.state, progress: () => undefined });
  await rollOut('sealed', SEALED_CANARY);
});

afterAll(async () => {
  await started?.stop();
  await receiver.close();
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
});

/** Temporal's database and every log under the state folder. What a target keeps for itself is not among them. */
async function files(): Promise<Map<string, Buffer>> {
  const names = await readdir(world.state, { recursive: true });
  const read = names.filter((name) => /(^|\/)temporal\.db(-wal)?$|\.log(\.\d+)?$/.test(name));
  return new Map(
    await Promise.all(read.map(async (name) => [name, await readFile(join(world.state, name))] as const)),
  );
}

async function everything(): Promise<Map<string, Buffer>> {
  const report = join(world.folder, 'report.html');
  for (const endpoint of ['plain', 'sealed']) {
    await on(`evidence ${endpoint}`, ['evidence', endpoint, '--output', 'json']);
    await on(`status ${endpoint}`, ['status', endpoint, '--output', 'json']);
    await on(`report ${endpoint}`, ['report', endpoint, '--file', report]);
    outputs.set(`page of ${endpoint}`, await readFile(report, 'utf8'));
  }
  await on('list', ['list', '--all', '--output', 'json']);
  await on('doctor', ['doctor']);
  const metrics = await fetch(`${stack.worker.healthUrl}/metrics`);
  outputs.set('metrics', await metrics.text());
  return new Map([
    ...(await files()),
    ...[...outputs].map(([name, text]) => [name, Buffer.from(text)] as const),
  ]);
}

/** `host token in worker.log`, in whatever form it stands there. */
function found(places: ReadonlyMap<string, Buffer>, wanted: ReadonlyMap<string, string>): string[] {
  return [...wanted].flatMap(([what, secret]) => {
    const forms = formsOf(secret);
    return [...places]
      .filter(([, text]) => forms.some((form) => text.includes(form)))
      .map(([place]) => `${what} in ${place}`);
  });
}

describe('planted secrets', () => {
  it('stand in no database, log, report, evidence, metrics or output', async () => {
    const places = await everything();

    expect([...secrets.values()].filter((secret) => secret.length < 16)).toEqual([]);
    expect([...places.keys()]).toEqual(
      expect.arrayContaining(['temporal.db', 'worker.log', 'host.log', 'metrics']),
    );
    expect(found(places, secrets)).toEqual([]);
  });

  it('would be found: in the database stands what people wrote, where nothing is encrypted, and not where it is', async () => {
    const databases = new Map([...(await files())].filter(([name]) => name.startsWith('temporal.db')));

    expect(found(databases, new Map([['canary', CANARY]]))).not.toEqual([]);
    expect(found(databases, new Map([['canary', SEALED_CANARY]]))).toEqual([]);
  });

  it('reach the receivers of notifications, which are told and signed for', () => {
    const told = receiver.received.filter(({ path }) => path === `/${HOOK_PATH}`);

    expect(told.map(({ headers }) => headers['webhook-signature'])).toContainEqual(
      expect.stringMatching(/^v1,/),
    );
    expect(told.map(({ text }) => text).join()).toContain(CANARY);
    expect(receiver.received.some(({ path }) => path === `/${DEAD_HOOK_PATH}`)).toBe(true);
    expect(outputs.get('end of plain')).toContain('could not be told');
  });

  it('reach their deployment all the same', async () => {
    await expect(
      on('create', ['endpoint', 'create', 'reached', '--deployment', join(world.folder, 'green.yml')]),
    ).resolves.toMatchObject({ code: 0 });

    const record = JSON.stringify(await world.hostRecord());
    expect(record).toContain(PLANTED.GREENLIGHT_SECRET_DB_PASSWORD);
  });

  it('and its UI reads what is encrypted, by the codec server that `up` has started', async () => {
    const ui = await fetch(`${stack.temporal.uiUrl}/api/v1/settings`);

    expect(await ui.json()).toMatchObject({ Codec: { Endpoint: stack.codec?.url } });
    const asked = await fetch(`${stack.codec?.url}/decode`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${PLANTED.GREENLIGHT_CODEC_TOKEN}`,
      },
      body: '{"payloads":[]}',
    });
    expect(await asked.json()).toEqual({ payloads: [] });
  });
});
