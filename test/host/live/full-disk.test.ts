import { open } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { TestHost } from './harness.js';

it('goes on with its work where its log cannot be written', async (test) => {
  const host = await TestHost.start();
  test.onTestFinished(() => host.dispose());
  await host.end('SIGTERM');
  const full = await open('/dev/full', 'w');
  test.onTestFinished(() => full.close());
  host.stderr = full.fd;

  await host.run();
  await host.done('PUT', '/onlineEndpoints/diabetes', host.endpointBody());

  expect((await host.arm('GET', '/onlineEndpoints/diabetes')).status).toBe(200);
});
