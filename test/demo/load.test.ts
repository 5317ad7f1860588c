import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Answer, Load } from '../../demo/load.js';

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(null) : server.close(resolve)));
  server = undefined;
});

describe('Load', () => {
  it('sends rows one after the other, with the key, and ends by itself', async () => {
    const bodies: string[] = [];
    const { answers, ended } = await load({ rows: [[1], [2]], atMost: 3 }, (request, response) => {
      expect(request.headers.authorization).toBe('Bearer secret');
      void text(request).then((body) => {
        bodies.push(body);
        response.setHeader('azureml-model-deployment', 'green').end('{"version":"v2","predictions":[1.5]}');
      });
    });
    await vi.waitFor(() => expect(answers).toHaveLength(3), 20_000);
    await ended();

    expect(bodies.sort()).toEqual(['{"data":[[1]]}', '{"data":[[1]]}', '{"data":[[2]]}']);
    expect(answers[0]).toMatchObject({ status: 200, deployment: 'green', version: 'v2' });
  });

  it('goes on at its rate while answers are slow', async () => {
    let asked = 0;
    const waiting: (() => void)[] = [];
    const { answers, ended } = await load({ rows: [[1]], atMost: 20 }, (_, response) => {
      asked += 1;
      waiting.push(() => response.end('{"version":"v2","predictions":[1]}'));
    });
    await vi.waitFor(() => expect(asked).toBe(20), 20_000);

    expect(answers).toHaveLength(0);
    for (const answer of waiting) answer();
    await ended();
    expect(answers).toHaveLength(20);
  });

  it.each<[string, RequestListener, Partial<Answer>]>([
    [
      'a model error, with who made it',
      (_, response) => response.writeHead(424, { 'azureml-model-deployment': 'green' }).end('no'),
      { status: 424, deployment: 'green', version: null },
    ],
    [
      'a 200 that is no prediction',
      (_, response) => response.end('{"version":"v2","predictions":["high"]}'),
      { status: 200, deployment: null, version: null },
    ],
    [
      'a lost connection',
      (request) => request.socket.destroy(),
      { status: null, deployment: null, version: null },
    ],
  ])('notes %s', async (_, listener, expected) => {
    const { answers, ended } = await load({ rows: [[1]], atMost: 1 }, listener);
    await vi.waitFor(() => expect(answers).toHaveLength(1), 20_000);
    await ended();

    expect(answers[0]).toMatchObject(expected);
  });
});

async function load(
  settings: { readonly rows: number[][]; readonly atMost: number },
  listener: RequestListener,
) {
  const listening = (server = createServer(listener));
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const answers: Answer[] = [];
  const clients = new Load({
    scoringUri: `http://127.0.0.1:${port}/local/diabetes/score`,
    key: 'secret',
    perSecond: 200,
    onAnswer: (answer) => answers.push(answer),
    ...settings,
  });
  return { answers, ended: () => clients.stop() };
}
