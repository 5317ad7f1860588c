import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { until } from '../../embedded/processes.js';
import { startStack, type Stack } from '../../embedded/stack.js';
import { hostState, type HostNote } from '../../embedded/host.js';
import { stopTemporal } from '../../embedded/temporal-server.js';
import { greenlight, temporaryFolder, type Told } from '../cli/cli.js';
import { HostWorld } from '../faults/host-world.js';
import { Receiver } from '../support/receiver.js';
import { formsOf } from './forms.js';
import { commandLines, decodedHistory, facts, hostPages } from './places.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

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
/** What comes in by files, and with spans. */
const FILE_PASSWORD = `planted-file-${random()}`;
const PROMETHEUS_TOKEN = `planted-prometheus-${random()}`;
const COLLECTOR_KEY = `planted-collector-${random()}`;
/** Where else the receiver is asked: as Prometheus, and as a collector of traces. */
const PROMETHEUS_PATH = '/api/v1/query';
const TRACES_PATH = '/v1/traces';
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
  ['secret in a file', FILE_PASSWORD],
  ['token of Prometheus', PROMETHEUS_TOKEN],
  ['key of the collector', COLLECTOR_KEY],
]);
const receiver = new Receiver();
const before = { ...process.env };

const on = async (name: string, args: readonly string[]): Promise<Told> => {
  const told = await greenlight([...args, '--state', world.state], { env: process.env });
  outputs.set(name, told.stdout + told.stderr);
  return told;
};

/** @param green - its deployment file. */
async function specOf(
  endpoint: string,
  { green = 'green', gate = '', steps = '' }: { green?: string; gate?: string; steps?: string },
): Promise<string> {
  const spec = join(world.folder, `${endpoint}-${green}.yml`);
  await writeFile(
    spec,
    `endpoint: ${endpoint}\ndeployment: ./${green}.yml\nwatching: { interval: 1s, warm-up: 0s, blip: 1s }\n` +
      `gates:\n  errors: { metric: error-rate, worse-by: 20pp }\n${gate}` +
      `notify:\n  - webhook: \${env:DEAD_HOOK}\n    form: slack\n` +
      `  - { webhook: "\${env:HOOK}", form: cloudevents, secret: "\${env:HOOK_SECRET}", links-for: ada }\n` +
      `steps:\n  - create\n${steps}  - ramp: 10%\n    for: 1h .. 2h\n  - cutover\n`,
  );
  return spec;
}

/** Rolls green out and takes it back by a person's word, with another in the queue: the longest way that needs no clients. */
async function rollOut(endpoint: string, reason: string): Promise<void> {
  await world.createEndpoint(endpoint);
  const keys = await (await world.ports()).endpoints.keys(endpoint);
  secrets.set(`primary key of ${endpoint}`, keys.primary).set(`secondary key of ${endpoint}`, keys.secondary);
  const spec = await specOf(endpoint, { steps: '  - smoke: ./request.json\n  - approve\n' });
  const told = await on(`submit ${endpoint}`, ['submit', spec]);
  expect(told, told.stderr).toMatchObject({ code: 0 });
  const link = await linkFor(endpoint);
  expect(await on(`queue ${endpoint}`, ['submit', spec, '--queue'])).toMatchObject({ code: 0 });
  await on(`queue of ${endpoint}`, ['status', endpoint, '--output', 'json']);
  expect(await on(`withdraw ${endpoint}`, ['withdraw', endpoint, '--reason', reason])).toMatchObject({
    code: 0,
  });
  await approve(endpoint, link, reason);
  const ramping = async () =>
    (await on(`status ${endpoint}`, ['status', endpoint])).stdout.includes('ramping');
  expect(await until(async () => ((await ramping()) ? true : undefined), 120_000, 500)).toBe(true);
  await on(`abort ${endpoint}`, ['abort', endpoint, '--reason', reason]);
  expect((await on(`end of ${endpoint}`, ['status', endpoint, '--wait'])).code).toBe(5);
}

interface Asked {
  readonly subject: string;
  readonly data: { readonly customData: { readonly links: { readonly approve: string | null } } };
}

/** Waits until somebody is asked to approve. Whoever holds the link can: its signature is a secret too. */
async function linkFor(endpoint: string): Promise<URL> {
  const link = await until(
    () => {
      const asked = sentTo(`/${HOOK_PATH}`).map((text) => JSON.parse(text) as Asked);
      const links = asked
        .filter(({ subject }) => subject === endpoint)
        .map(({ data }) => data.customData.links);
      return Promise.resolve(links.find(({ approve }) => approve !== null)?.approve ?? undefined);
    },
    120_000,
    500,
  );
  if (link === undefined) throw new Error(`nobody was asked to approve the rollout of ${endpoint}`);
  const url = new URL(link);
  secrets.set(`link of ${endpoint}`, url.searchParams.get('token')?.split('.')[1] ?? '');
  return url;
}

async function approve(endpoint: string, { pathname, search }: URL, reason: string): Promise<void> {
  const log = await readFile(join(world.state, 'worker.log'), 'utf8');
  const served = [...log.matchAll(/"links":"(http:[^"]+)"/g)].at(-1)?.[1];
  const link = `${served}${pathname}${search}`;
  outputs.set(`page of the link of ${endpoint}`, await (await fetch(link)).text());
  const answer = await fetch(link, { method: 'POST', body: new URLSearchParams({ reason }) });
  outputs.set(`answer to the link of ${endpoint}`, await answer.text());
  expect(answer.status).toBe(200);
}

function sentTo(path: string): string[] {
  return receiver.received.filter((each) => each.path === path).map(({ text }) => text);
}

/** A rollout that ends by itself, because of something that quotes what it was given. */
async function failing(name: string, code: number, spec: string): Promise<void> {
  const told = await on(name, ['submit', spec, '--wait']);
  expect(told, told.stdout + told.stderr).toMatchObject({ code });
}

/** @param more - lines below its environment variables. */
async function deploymentFile(name: string, more: readonly string[] = []): Promise<void> {
  await writeFile(
    join(world.folder, `${name}.yml`),
    [
      'name: green',
      'code_configuration: { code: ./code, scoring_script: score.py }',
      'environment: azureml:sklearn:1',
      'instance_type: Standard_DS3_v2',
      'readiness_probe: { initial_delay: 1, period: 1 }',
      'environment_variables:',
      '  NAME: green',
      '  BREAK_FILE: /nowhere',
      '  DB_PASSWORD: ${secret:db-password}',
      '  FILE_PASSWORD: ${secret:file-password}',
      ...more,
      '',
    ].join('\n'),
  );
}

/** A model server that tells its log what it knows, and ends. */
const LOUD = [
  process.execPath,
  '-e',
  'console.error(process.env.DB_PASSWORD, process.env.FILE_PASSWORD); process.exit(1)',
];

/** One that gets ready, and fails every request in the words of what it knows. */
const TELLING = [
  process.execPath,
  '-e',
  'const { DB_PASSWORD, FILE_PASSWORD } = process.env;' +
    'require("node:http").createServer(({ method }, answer) => {' +
    'answer.writeHead(method === "POST" ? 500 : 200).end(`postgres://app:${DB_PASSWORD}@db, ${FILE_PASSWORD}`);' +
    '}).listen(Number(process.argv[1]), "127.0.0.1")',
  '{port}',
];

/** The line of a deployment file that says which model server runs. */
function commandLine(command: readonly string[]): string {
  return `properties: { greenlight.command: ${JSON.stringify(JSON.stringify(command))} }`;
}

/** Files and variables of everything that is started. */
async function surroundings(): Promise<Readonly<Record<string, string>>> {
  const [folder, hooks] = await Promise.all([temporaryFolder(), receiver.open()]);
  await writeFile(join(folder, 'file-password'), `${FILE_PASSWORD}\n`);
  await writeFile(join(folder, 'prometheus-token'), `${PROMETHEUS_TOKEN}\n`);
  receiver.answer = (response, nth) => {
    const asked = receiver.received[nth - 1];
    // As proxies do that mean well.
    if (asked?.path === PROMETHEUS_PATH) {
      response.writeHead(401).end(`not accepted: ${asked.headers.authorization}`);
    } else response.writeHead(asked?.path === `/${DEAD_HOOK_PATH}` ? 404 : 204).end();
  };
  return {
    HOOK: `${hooks}/${HOOK_PATH}`,
    DEAD_HOOK: `${hooks}/${DEAD_HOOK_PATH}`,
    GREENLIGHT_SECRETS_DIR: folder,
    GREENLIGHT_PROMETHEUS_URL: hooks,
    GREENLIGHT_PROMETHEUS_TOKEN_FILE: join(folder, 'prometheus-token'),
    OTEL_EXPORTER_OTLP_ENDPOINT: hooks,
    OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${COLLECTOR_KEY}`,
    OTEL_BSP_SCHEDULE_DELAY: '200',
  };
}

beforeAll(async () => {
  Object.assign(process.env, PLANTED, LINKS, await surroundings());
  started = world = await HostWorld.start();
  stack = await up();
  await writeFile(join(world.folder, 'request.json'), '{"data": [[1]]}');
  await deploymentFile('green');
  await deploymentFile('refused', ['  WORKER_COUNT: ${secret:db-password}']);
  await deploymentFile('loud', [commandLine(LOUD)]);
  await deploymentFile('telling', [commandLine(TELLING)]);
  secrets.set('host token', (await readFile((await hostNote()).tokenFile, 'utf8')).trim());
  await rollOut('plain', CANARY);
  await failing('creation that is refused', 4, await specOf('plain', { green: 'refused' }));
  await failing('creation that fails', 4, await specOf('plain', { green: 'loud' }));
  const smoked = { green: 'telling', steps: '  - smoke: ./request.json\n' };
  await failing('smoke that fails', 4, await specOf('plain', smoked));
  const counter = (name: string) => `${name}: '${name}_total{deployment="$deployment"}'`;
  const gate = `  own: { metric: { ${counter('bad')}, ${counter('total')} }, at-most: 50% }\n`;
  await failing('preflight', 3, await specOf('plain', { gate }));
  // Another worker takes its place as soon as there are keys.
  outputs.set('metrics of the first worker', await workerMetrics());

  process.env['GREENLIGHT_CODEC_KEYS'] = `autumn:${CODEC_KEY}`;
  secrets.set('codec key', CODEC_KEY);
  // Its UI learns of the codec server when it starts.
  await stopTemporal(world.state);
  stack = await up();
  await rollOut('sealed', SEALED_CANARY);
});

afterAll(async () => {
  await started?.stop();
  await receiver.close();
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
});

async function hostNote(): Promise<HostNote> {
  return JSON.parse(await readFile(join(hostState(world.state), 'host.json'), 'utf8')) as HostNote;
}

/** Leaves alone what runs, and says where it is. */
function up(): Promise<Stack> {
  return startStack({ state: world.state, progress: () => undefined });
}

/** Of the worker that runs now. */
async function workerMetrics(): Promise<string> {
  return (await fetch(`${stack.worker.healthUrl}/metrics`)).text();
}

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
  outputs.set('metrics', await workerMetrics());
  for (const [name, page] of await hostPages(await hostNote())) outputs.set(name, page);
  outputs.set('command lines', await commandLines());
  outputs.set('answers of the codec server', await decodedHistory(stack, 'rollout/host/local/sealed'));
  outputs.set('spans', sentTo(TRACES_PATH).join('\n'));
  // A link is for whoever reads the message; nothing else in it is.
  outputs.set(
    'notifications',
    sentTo(`/${HOOK_PATH}`)
      .join('\n')
      .replace(/token=[^"]+/g, ''),
  );
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
    // Each of them was looked at, and not an error page in its place.
    for (const [place, holds] of [
      ['spans', 'RunActivity:createDeployment'],
      ['notifications', CANARY],
      ['answer to the link of plain', CANARY],
      ['queue of plain', '"spec": "plain-green.yml"'],
      ['metrics', 'rollout_activity_attempts_total{activity="createDeployment",outcome="completed"}'],
      [
        'metrics of the first worker',
        'rollout_activity_attempts_total{activity="createDeployment",outcome="PortPermanent"}',
      ],
      [
        'metrics of the first worker',
        'rollout_activity_attempts_total{activity="createDeployment",outcome="DeploymentFailed"}',
      ],
      [
        'metrics of the first worker',
        'rollout_activity_attempts_total{activity="preflight",outcome="Rejected"}',
      ],
      ['metrics of the host', '# TYPE'],
      ['stats of Envoy', 'server.live'],
      ['config_dump of Envoy', 'api_key_auth'],
      ['command lines', world.state],
      ['creation that fails', 'model server ended 3 times'],
      [
        'smoke that fails',
        'instead of 200: postgres://app:${secret:db-password}@db, ${secret:file-password}',
      ],
      ['preflight', 'refuses the worker: 401'],
    ] as const) {
      expect(String(places.get(place)), place).toContain(holds);
    }
    expect(found(places, secrets)).toEqual([]);
  });

  it('are on the disk where the host needs them, for its user alone', async () => {
    const names = await readdir(world.state, { recursive: true });
    const holders = new Map<string, number>();
    for (const name of names) {
      const { mode, isFile } = await facts(join(world.state, name));
      if (!isFile) continue;
      const text = await readFile(join(world.state, name)).catch(() => Buffer.alloc(0));
      if (found(new Map([[name, text]]), secrets).length > 0) holders.set(name, mode);
    }

    // Deployments with what they are given, and the keys of endpoints; the keys, for Envoy; the token of ARM calls.
    expect([...holders].sort()).toEqual([
      ['host/gateway/routes.json', 0o600],
      ['host/state.json', 0o600],
      ['host/token', 0o600],
    ]);
    expect((await facts(world.state)).mode).toBe(0o700);
    expect((await facts(join(hostState(world.state), 'tls', 'key.pem'))).mode).toBe(0o600);
  });

  it('would be found: in the database stands what people wrote, where nothing is encrypted, and not where it is', async () => {
    const databases = new Map([...(await files())].filter(([name]) => name.startsWith('temporal.db')));

    expect(found(databases, new Map([['canary', CANARY]]))).not.toEqual([]);
    expect(found(databases, new Map([['canary', SEALED_CANARY]]))).toEqual([]);

    const answers = await decodedHistory(stack, 'rollout/host/local/sealed');
    const decoded = new Map([['answers of the codec server', Buffer.from(answers)]]);
    expect(found(decoded, new Map([['canary', SEALED_CANARY]]))).not.toEqual([]);
  });

  it('reach the receivers of notifications, which are told and signed for', () => {
    const told = receiver.received.filter(({ path }) => path === `/${HOOK_PATH}`);
    const asked = receiver.received.filter(({ path }) => path === PROMETHEUS_PATH);

    expect(told.map(({ headers }) => headers['webhook-signature'])).toContainEqual(
      expect.stringMatching(/^v1,/),
    );
    expect(told.map(({ text }) => text).join()).toContain(CANARY);
    expect(receiver.received.some(({ path }) => path === `/${DEAD_HOOK_PATH}`)).toBe(true);
    expect(outputs.get('end of plain')).toContain('could not be told');
    expect(asked.map(({ headers }) => headers.authorization)).toContain(`Bearer ${PROMETHEUS_TOKEN}`);
    const traces = receiver.received.filter(({ path }) => path === TRACES_PATH);
    expect(traces.map(({ headers }) => headers['x-api-key'])).toContain(COLLECTOR_KEY);
  });

  it('reach their deployment all the same', async () => {
    await expect(
      on('create', ['endpoint', 'create', 'reached', '--deployment', join(world.folder, 'green.yml')]),
    ).resolves.toMatchObject({ code: 0 });

    const record = JSON.stringify(await world.hostRecord());
    expect(record).toContain(PLANTED.GREENLIGHT_SECRET_DB_PASSWORD);
    expect(record).toContain(`"FILE_PASSWORD":"${FILE_PASSWORD}"`);
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
