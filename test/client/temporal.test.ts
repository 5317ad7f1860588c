import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Greenlight } from '../../client/greenlight.js';
import { connect, findTemporal } from '../../client/temporal.js';
import { temporaryFolder } from '../cli/cli.js';

/** A port on which nothing listens. */
const DEAD = '127.0.0.1:1';

/** What is found by those variables, where `greenlight up` has noted nothing. */
async function found(env: NodeJS.ProcessEnv) {
  return findTemporal({ env, stateDir: await temporaryFolder() });
}

/** Temporal's configuration file, with a server in its default profile. */
async function profileFile(): Promise<string> {
  const file = join(await temporaryFolder(), 'temporal.toml');
  await writeFile(file, '[profile.default]\naddress = "temporal:7233"\nnamespace = "rollouts"\n');
  return file;
}

it('goes to the server that the given variables name, whatever the process has', async () => {
  vi.stubEnv('TEMPORAL_ADDRESS', '127.0.0.1:2');
  onTestFinished(() => void vi.unstubAllEnvs());

  const connecting = Greenlight.connect({ env: { TEMPORAL_ADDRESS: DEAD } });

  await expect(connecting).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining(`Temporal at ${DEAD} (named by TEMPORAL_ADDRESS) `) as string,
  });
  await expect(found({})).rejects.toThrow('There is no Temporal server to talk to');
});

it('takes variables that are set and empty, as a pipeline hands on what is not set, as not set', async () => {
  const place = await found({
    TEMPORAL_CONFIG_FILE: await profileFile(),
    TEMPORAL_PROFILE: '',
    TEMPORAL_ADDRESS: '',
    TEMPORAL_NAMESPACE: '',
    TEMPORAL_API_KEY: '',
    TEMPORAL_TLS: '',
    TEMPORAL_TLS_CLIENT_CERT_PATH: '',
    TEMPORAL_TLS_CLIENT_CERT_DATA: '',
  });

  expect(place).toMatchObject({
    address: 'temporal:7233',
    namespace: 'rollouts',
    origin: "Temporal's configuration file",
  });
  expect(place.connectionOptions.tls, 'an API key turns TLS on').toBeUndefined();
});

it('sends no metadata that a variable empties', async () => {
  const file = await profileFile();
  await writeFile(file, '[profile.default]\naddress = "temporal:7233"\ngrpc_meta = { tenant = "blue" }\n');
  const metadata = async (env: NodeJS.ProcessEnv) =>
    (await found({ TEMPORAL_CONFIG_FILE: file, ...env })).connectionOptions.metadata;

  expect(await metadata({})).toEqual({ tenant: 'blue' });
  expect(await metadata({ TEMPORAL_GRPC_META_TENANT: '' })).toEqual({});
});

it.each([7, 16])('tells who is turned away, with %i, that the server was reached', async (code) => {
  const refusal = {
    'content-type': 'application/grpc',
    'grpc-status': String(code),
    'grpc-message': 'Request unauthorized.',
  };
  const server = createServer().listen(0, '127.0.0.1');
  server.on('stream', (stream) => stream.respond(refusal, { endStream: true }));
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  const connecting = connect(await found({ TEMPORAL_ADDRESS: address }));

  await expect(connecting).rejects.toMatchObject({
    name: 'GreenlightError',
    code: 'unreachable',
    message:
      'Temporal does not let this client in: Request unauthorized.\nCheck TEMPORAL_API_KEY or the TLS settings, and the namespace.',
  });
});
