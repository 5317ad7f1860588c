import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HealthServer, serveHealth } from '../../worker/health.js';
import { sdkMetricsText } from '../../worker/sdk-metrics.js';

describe('the health server', () => {
  let server: HealthServer | undefined;
  afterEach(() => server?.close());

  const ask = async (path: string, ready: true | string = true) => {
    server = await serveHealth(0, {
      ready: () => ready,
      metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
    });
    const answer = await fetch(`${server.url}${path}`);
    return { status: answer.status, text: await answer.text(), type: answer.headers.get('content-type') };
  };

  it('is alive as soon as it answers, also while the worker takes no tasks yet', async () => {
    expect(await ask('/healthz', 'the worker is INITIALIZED')).toMatchObject({
      status: 200,
      text: 'alive\n',
    });
  });

  it('is ready when the worker takes tasks', async () => {
    expect(await ask('/readyz')).toMatchObject({ status: 200, text: 'ready\n' });
  });

  it('says why it is not ready', async () => {
    expect(await ask('/readyz', 'the worker is DRAINING')).toMatchObject({
      status: 503,
      text: 'the worker is DRAINING\n',
    });
  });

  it('gives metrics in the format that Prometheus expects', async () => {
    expect(await ask('/metrics?x=1')).toEqual({
      status: 200,
      text: 'up 1\n',
      type: 'text/plain; version=0.0.4',
    });
  });

  it('names its pages to whoever asks for another one', async () => {
    expect(await ask('/')).toMatchObject({ status: 404, text: expect.stringContaining('/readyz') as string });
  });
});

describe('sdkMetricsText', () => {
  it('is what the SDK exposes', async () => {
    const sdk = createServer((request, response) => response.end(`asked for ${request.url}\n`));
    await new Promise<void>((resolve) => sdk.listen(0, '127.0.0.1', resolve));
    const { port } = sdk.address() as AddressInfo;

    const text = await sdkMetricsText(`127.0.0.1:${port}`);
    sdk.close();

    expect(text).toBe('asked for /metrics\n');
  });

  it('is empty when nothing answers: our own metrics are still worth a scrape', async () => {
    const sdk = createServer();
    await new Promise<void>((resolve) => sdk.listen(0, '127.0.0.1', resolve));
    const { port } = sdk.address() as AddressInfo;
    await new Promise((resolve) => sdk.close(resolve));

    expect(await sdkMetricsText(`127.0.0.1:${port}`)).toBe('');
  });
});
