import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { DEPLOYMENTS, KubeClient } from '../../../adapters/kubernetes/client.js';
import { connect } from '../../../adapters/kubernetes/connection.js';

/** As client-node writes a pod's own service account: the file is read again when its token is old. */
const inCluster = (tokenFile: string) => ({ 'auth-provider': { name: 'tokenFile', config: { tokenFile } } });

/** A credential plugin that waits for somebody to log in, and notes its process id. */
const hanging = (pids: string) => ({
  apiVersion: 'client.authentication.k8s.io/v1',
  command: 'sh',
  args: ['-c', `echo $$ >> '${pids}'; exec sleep 60`],
});

let folder: string;
let server: Server;
let address: string;
let asked: { readonly line: string; readonly token: string | undefined; readonly body: string }[];
let refused: string;

/** One that prints its token as it is, where an ExecCredential is wanted. */
const plain = (token: string) => ({
  apiVersion: 'client.authentication.k8s.io/v1',
  command: 'echo',
  args: [token],
});

/** Writes the kubeconfig, with what its current user is known by; undefined: without its users. */
const configure = (user: object | undefined, cluster = address) =>
  writeFile(
    join(folder, 'config'),
    JSON.stringify({
      'current-context': 'here',
      clusters: [{ name: 'one', cluster: { server: cluster, 'insecure-skip-tls-verify': true } }],
      users: user && [
        { name: 'ada', user },
        { name: 'worker', user: inCluster(join(folder, 'token')) },
        { name: 'eve', user: { exec: hanging(join(folder, 'plugins')) } },
      ],
      contexts: [
        { name: 'here', context: { cluster: 'one', user: 'ada' } },
        { name: 'in-cluster', context: { cluster: 'one', user: 'worker' } },
        { name: 'broken', context: { cluster: 'two', user: 'ada' } },
        { name: 'hanging', context: { cluster: 'one', user: 'eve' } },
      ],
    }),
  );

beforeEach(async () => {
  asked = [];
  refused = '';
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const token = request.headers.authorization;
      asked.push({ line: `${request.method} ${request.url}`, token, body });
      if (token === refused) response.writeHead(401);
      response.end('{"items":[]}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  folder = await mkdtemp(join(tmpdir(), 'greenlight-kube-'));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`;
  await writeFile(join(folder, 'token'), 'from-the-file');
  await configure({ token: 'as-ada' });
  vi.stubEnv('KUBECONFIG', join(folder, 'config'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

it('asks the current context with its token, or the one that is named', async () => {
  for (const context of [undefined, 'in-cluster']) {
    const client = new KubeClient(connect(context), 'models');
    await client.list(z.object({}), DEPLOYMENTS, { what: 'list', labels: 'a=b' });
  }

  expect(asked.map(({ line, token }) => [line, token])).toEqual([
    ['GET /prefix/apis/apps/v1/namespaces/models/deployments?labelSelector=a%3Db', 'Bearer as-ada'],
    ['GET /prefix/apis/apps/v1/namespaces/models/deployments?labelSelector=a%3Db', 'Bearer from-the-file'],
  ]);
});

it('sends a DELETE with its body, and goes on after it', async () => {
  const client = new KubeClient(connect(), 'models');
  await client.delete(DEPLOYMENTS, 'blue', { what: 'delete' });
  await client.delete(DEPLOYMENTS, 'green', { what: 'delete' });

  expect(asked.map(({ line }) => line.split('/').at(-1))).toEqual(['blue', 'green']);
  expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ propagationPolicy: 'Foreground' });
});

it.each([
  ['there', 'the kubeconfig has no context "there"; it has here, in-cluster, broken, hanging'],
  [
    'broken',
    'the kubeconfig\'s context "broken" names no cluster; it has the contexts here, in-cluster, broken, hanging',
  ],
])('says which contexts there are instead of %s', (context, message) => {
  expect(() => connect(context)).toThrow(message);
});

it.each([
  ['token: s3cret\n   x: y', 'it is no YAML at line 5, column 4'],
  ['token: *s3cret', 'it is no YAML at line 4, column 19'],
])('says where a kubeconfig is no YAML, and nothing of what stands there', async (user, why) => {
  await writeFile(join(folder, 'config'), `users:\n- name: ada\n  user:\n    ${user}\n`);

  expect(() => connect()).toThrow(new RegExp(`: the kubeconfig cannot be read: ${why}$`));
});

it('says that a credential plugin prints no ExecCredential, and nothing of what it prints', async () => {
  await configure({ exec: plain('s3cret-token') });
  const client = new KubeClient(connect(), 'models');

  const thrown: unknown = await client
    .find(z.object({}), DEPLOYMENTS, 'blue', { what: 'read blue' })
    .catch((err: unknown) => err);

  expect(thrown).toMatchObject({
    kind: 'transient',
    message: expect.stringMatching(
      /gave no credential to read blue: what its plugin printed is not the JSON of an ExecCredential; /,
    ) as string,
  });
  expect(inspect(thrown)).not.toContain('s3cret');
  expect(asked).toEqual([]);
});

it('says that nobody answers, as something that passes', async () => {
  const client = new KubeClient(connect(), 'models');
  await new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();

  await expect(
    client.list(z.object({}), DEPLOYMENTS, { what: 'list the deployments' }),
  ).rejects.toMatchObject({
    kind: 'transient',
    message: expect.stringMatching(
      /could not be reached to list the deployments: .*; check the address/,
    ) as string,
  });
});

describe('a credential that is renewed', () => {
  const tokens = () => asked.map(({ token }) => token);
  const reading = (client: KubeClient) =>
    client.find(z.object({}), DEPLOYMENTS, 'blue', { what: 'read blue' });

  it('is taken from the kubeconfig at the next call, whichever of its files it stands in', async () => {
    await writeFile(join(folder, 'first'), '{}');
    vi.stubEnv('KUBECONFIG', [join(folder, 'first'), join(folder, 'config')].join(delimiter));
    const client = new KubeClient(connect(), 'models');
    await reading(client);
    await configure({ token: 'as-ada-again' });
    await reading(client);

    expect(tokens()).toEqual(['Bearer as-ada', 'Bearer as-ada-again']);
  });

  it('is taken from the tokenFile of the kubeconfig, at once where the last one was refused', async () => {
    await configure({ token: 'of-before', tokenFile: 'token' });
    await writeFile(join(folder, 'token'), 'in-the-file\n');
    const client = new KubeClient(connect(), 'models');
    await reading(client);
    await writeFile(join(folder, 'token'), 'renewed\n');
    refused = 'Bearer in-the-file';
    await expect(reading(client)).rejects.toMatchObject({
      code: 'Unauthorized',
      message: expect.stringContaining("renew the credential of the kubeconfig's user") as string,
    });
    await reading(client);

    expect(tokens()).toEqual(['Bearer in-the-file', 'Bearer in-the-file', 'Bearer renewed']);
  });

  it.each<[string, () => Promise<void>]>([
    ['is half written', () => writeFile(join(folder, 'config'), '{"users": [')],
    ['is half written, up to its users', () => configure(undefined)],
    ['is gone', () => rm(join(folder, 'config'))],
    ['leads to another cluster', () => configure({ token: 'of-others' }, 'http://127.0.0.1:1')],
  ])('is that of before while the kubeconfig %s', async (_, change) => {
    const client = new KubeClient(connect(), 'models');
    await change();
    await reading(client);
    await configure({ token: 'as-ada-again' });
    await reading(client);

    expect(tokens()).toEqual(['Bearer as-ada', 'Bearer as-ada-again']);
  });
});

describe('a credential plugin that hangs', () => {
  const plugins = async () => {
    const noted = (await readFile(join(folder, 'plugins'), 'utf8')).split('\n').slice(0, -1);
    if (noted.length === 0) throw new Error('no plugin has noted itself yet');
    return noted.map(Number);
  };

  afterEach(async () => {
    for (const pid of await vi.waitFor(plugins, 20_000)) process.kill(pid);
  });

  it('holds no call up beyond its deadline, and is waited for by all of them', async () => {
    const client = new KubeClient(connect('hanging'), 'models', 1_000);
    const read = () => client.find(z.object({}), DEPLOYMENTS, 'blue', { what: 'read blue' });

    const failure = {
      kind: 'transient',
      message: expect.stringMatching(/gave no credential to read blue: nothing came within 1 s; /) as string,
    };
    await Promise.all([1, 2, 3].map(() => expect(read()).rejects.toMatchObject(failure)));
    expect(await vi.waitFor(plugins, 20_000)).toHaveLength(1);
  });

  it('holds no cancellation up', async () => {
    const client = new KubeClient(connect('hanging'), 'models');
    const cancelled = new AbortController();
    const deleted = client.delete(DEPLOYMENTS, 'blue', { what: 'delete blue', signal: cancelled.signal });
    await vi.waitFor(plugins, 20_000);
    cancelled.abort(new Error('no longer wanted'));

    await expect(deleted).rejects.toThrow('no longer wanted');
    expect(asked).toEqual([]);
  });
});
