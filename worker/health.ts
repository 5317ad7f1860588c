import { createServer, type Server } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';

export interface HealthAnswers {
  /** Whether this worker takes tasks now; else why not. */
  readonly ready: () => true | string;
  /** One text in Prometheus' exposition format. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * `/healthz` (the process lives), `/readyz` (it takes tasks) and `/metrics`.
 *
 * @param host - the address to listen on; by default loopback, `0.0.0.0` for every one of the machine or the pod.
 */
export async function serveHealth(
  port: number,
  answers: HealthAnswers,
  host = '127.0.0.1',
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    void answer(request.url ?? '/', answers)
      .catch((error: unknown) => ({ status: 500, contentType: 'text/plain', text: String(error) }))
      .then(({ status, contentType, text }) => {
        response.writeHead(status, { 'content-type': contentType }).end(text);
      });
  });
  await listen(server, port, host);
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${reachable(host)}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  url: string,
  { ready, metrics }: HealthAnswers,
): Promise<{ status: number; contentType: string; text: string }> {
  const text = (status: number, line: string) => ({ status, contentType: 'text/plain', text: `${line}\n` });
  switch (new URL(url, 'http://worker').pathname) {
    case '/healthz':
      return text(200, 'alive');
    case '/readyz': {
      const state = ready();
      return state === true ? text(200, 'ready') : text(503, state);
    }
    case '/metrics':
      return { status: 200, ...(await metrics()) };
    default:
      return text(404, 'nothing here; there are /healthz, /readyz and /metrics');
  }
}

/** How this machine reaches what listens there. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return isIPv6(host) ? `[${host}]` : host;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}
