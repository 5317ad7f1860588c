import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { proxyQueries } from '../../../adapters/prometheus/proxies.js';
import { temporaryFolder } from '../../cli/cli.js';

const live = { endpoint: 'diabetes', deployment: 'green', kind: 'live' } as const;

async function read(content: unknown) {
  const file = join(await temporaryFolder(), 'proxy.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return proxyQueries({ GREENLIGHT_PROMETHEUS_PROXY_FILE: file });
}

describe('the proxy of the environment', () => {
  it("is the target's own where nothing is said", async () => {
    expect(await proxyQueries({})).toBeUndefined();
  });

  it.each([
    [{ proxy: 'envoy', cluster: '$endpoint~$deployment~$kind' }, 'envoy_cluster_name=~"diabetes~green~live"'],
    [{ proxy: 'istio', namespace: 'models' }, 'destination_version="green"'],
    [
      { proxy: 'istio', namespace: 'models', match: 'destination_workload="$endpoint-$deployment"' },
      'destination_workload="diabetes-green"',
    ],
    [
      { proxy: 'other', requests: 'rq{v="$deployment"}', errors: 'err{v="$deployment"}', mirrored: false },
      'rq{v="green"}',
    ],
  ])('is read from %j', async (content, part) => {
    expect((await (await read(content))?.of(live))?.requests).toContain(part);
  });

  it.each([
    ['{', 'JSON'],
    [{ proxy: 'nginx' }, 'proxy:'],
    [{ proxy: 'istio' }, 'namespace:'],
    [{ proxy: 'envoy', cluster: 'models' }, 'cluster:'],
    [
      { proxy: 'other', requests: 'sum(rq{v="$deployment"})', errors: 'e{v="$deployment"}', mirrored: true },
      'requests: "sum" is not possible here',
    ],
    [
      { proxy: 'other', requests: 'rq', errors: 'e{v="$deployment"}', mirrored: true },
      'requests: has no $deployment in it',
    ],
  ])('is refused as %j', async (content, reason) => {
    await expect(read(content)).rejects.toMatchObject({
      kind: 'permanent',
      code: 'PrometheusSettings',
      message: expect.stringContaining(reason) as string,
    });
  });
});
