import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPrometheus } from '../../cli/service-checks.js';
import { greenlight, temporaryFolder } from './cli.js';

let result: unknown[] = [];
const server = createServer((_, answer) => {
  answer.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
});
let url = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

describe('doctor, of Prometheus', () => {
  it('says nothing where none is named', async () => {
    expect(await checkPrometheus({})).toEqual([]);
  });

  it('looks at the one that its own variables name', async () => {
    const told = await greenlight(['doctor', '--state', await temporaryFolder()], {
      env: { GREENLIGHT_PROMETHEUS_URL: 'metrics' },
    });

    expect(told.stdout).toContain('GREENLIGHT_PROMETHEUS_URL is "metrics"');
  });

  it('tells one that scrapes from one that does not', async () => {
    result = [{ metric: { __name__: 'up' }, value: [1, '3'] }];
    expect(await checkPrometheus({ GREENLIGHT_PROMETHEUS_URL: url })).toMatchObject([{ state: 'ok' }]);
    result = [];
    expect(await checkPrometheus({ GREENLIGHT_PROMETHEUS_URL: url })).toMatchObject([{ state: 'warning' }]);
  });

  it('tells what is wrong with one that does not answer, or is named wrongly', async () => {
    const gone = await checkPrometheus({ GREENLIGHT_PROMETHEUS_URL: 'http://127.0.0.1:1' });
    const wrong = await checkPrometheus({ GREENLIGHT_PROMETHEUS_URL: 'metrics' });

    expect(gone).toMatchObject([
      { state: 'problem', found: expect.stringContaining('127.0.0.1:1') as string },
    ]);
    expect(wrong).toMatchObject([
      { state: 'problem', found: expect.stringContaining('"metrics"') as string },
    ]);
  });
});
