import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import { NODE_ADDRESS } from '../control-plane.js';
import type { RunningPod } from './pod.js';

export interface KubeletApi {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves what the API server asks a node for: the logs of a container. */
export async function startKubeletApi(
  find: (namespace: string, pod: string) => RunningPod | undefined,
): Promise<KubeletApi> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'bed' }], { keyType: 'ec' });
  const server = createServer({ key, cert }, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://node');
    const [, what, namespace = '', pod = '', container = ''] = url.pathname
      .split('/')
      .map(decodeURIComponent);
    const end = (status: number, text: string) => {
      response.writeHead(status, { 'content-type': 'text/plain' });
      response.end(text);
    };
    if (what !== 'containerLogs') return end(404, 'this node serves containerLogs only');
    const log = find(namespace, pod)?.log(container) ?? Promise.resolve(undefined);
    log.then(
      (text) =>
        text === undefined
          ? end(404, `there is no container ${container} of pod ${pod}`)
          : end(200, lastLines(text, url.searchParams.get('tailLines'))),
      (error: unknown) => end(500, String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, NODE_ADDRESS, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function lastLines(text: string, wanted: string | null): string {
  if (wanted === null) return text;
  const lines = text.replace(/\n$/, '').split('\n').slice(-Number(wanted));
  return lines.map((line) => `${line}\n`).join('');
}
