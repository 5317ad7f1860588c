import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';

// A real Envoy in front of a server that misbehaves as each request asks for.

const TYPE = 'type.googleapis.com/envoy.extensions.filters';

export type Manner = 'ok' | 'slow' | 'hang' | 'close' | 'break-off' | '201' | '302' | '400' | '500';

export const SLOW_MS = 120;
/** Room for a stall of a busy machine, past which no answer would come but a timeout. */
export const TIMEOUT_MS = 4_500;

/** A server that does what the header `x-do` says. */
export async function startUpstream(): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const manner = (request.headers['x-do'] ?? 'ok') as Manner;
    switch (manner) {
      case 'ok':
        response.end('ok');
        return;
      case 'slow':
        setTimeout(() => response.end('ok'), SLOW_MS);
        return;
      case 'hang':
        return;
      case 'close':
        request.socket.destroy();
        return;
      case 'break-off':
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => request.socket.destroy());
        return;
      default:
        response.writeHead(Number(manner));
        response.end('no');
    }
  });
  await listen(server);
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

export interface Cluster {
  readonly name: string;
  /** null: no instance. */
  readonly port: number | null;
  readonly maxRequests?: number;
}

export interface Route {
  readonly prefix: string;
  readonly cluster: string;
  readonly mirror?: string;
}

export interface Gateway {
  readonly adminUrl: string;
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts Envoy on free ports and waits until it is ready. */
export async function startGateway(clusters: readonly Cluster[], routes: readonly Route[]): Promise<Gateway> {
  const envoy = process.env['GREENLIGHT_ENVOY'];
  if (!envoy) throw new Error('GREENLIGHT_ENVOY is not set; it must name the Envoy executable');
  const folder = await mkdtemp(join(tmpdir(), 'greenlight-envoy-'));
  const adminFile = join(folder, 'admin');
  await writeFile(join(folder, 'envoy.json'), JSON.stringify(config(clusters, routes)));
  const child = spawn(
    envoy,
    [
      '-c',
      join(folder, 'envoy.json'),
      '--admin-address-path',
      adminFile,
      '--use-dynamic-base-id',
      '--concurrency',
      '2',
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  const adminUrl = await vi.waitFor(
    async () => {
      const url = `http://${(await readFile(adminFile, 'utf8')).trim()}`;
      const ready = await fetch(`${url}/ready`);
      if (!ready.ok) throw new Error(`not ready: ${ready.status}`);
      return url;
    },
    { timeout: 20_000, interval: 50 },
  );
  const listeners = (await (await fetch(`${adminUrl}/listeners?format=json`)).json()) as {
    listener_statuses: { local_address: { socket_address: { port_value: number } } }[];
  };
  const port = listeners.listener_statuses[0]?.local_address.socket_address.port_value;
  return { adminUrl, url: `http://127.0.0.1:${port}`, stop: () => end(child, folder) };
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
}

/** Sends requests one after the other; resolves to the statuses that a client saw, 0 where it saw none. */
export async function send(url: string, manners: readonly Manner[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const manner of manners) statuses.push(await sendOne(url, manner));
  return statuses;
}

async function sendOne(url: string, manner: Manner): Promise<number> {
  try {
    const response = await fetch(url, { headers: { 'x-do': manner }, redirect: 'manual' });
    await response.text();
    return response.status;
  } catch {
    return 0;
  }
}

function config(clusters: readonly Cluster[], routes: readonly Route[]): unknown {
  const loopback = { socket_address: { address: '127.0.0.1', port_value: 0 } };
  return {
    admin: { address: loopback },
    stats_flush_interval: '1s',
    static_resources: {
      clusters: clusters.map(clusterConfig),
      listeners: [
        {
          name: 'gateway',
          address: loopback,
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.http_connection_manager',
                  typed_config: {
                    '@type': `${TYPE}.network.http_connection_manager.v3.HttpConnectionManager`,
                    stat_prefix: 'gateway',
                    route_config: {
                      virtual_hosts: [{ name: 'all', domains: ['*'], routes: routes.map(routeConfig) }],
                    },
                    http_filters: [
                      {
                        name: 'envoy.filters.http.router',
                        typed_config: { '@type': `${TYPE}.http.router.v3.Router` },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
}

function clusterConfig({ name, port, maxRequests }: Cluster): unknown {
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: port } } };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: port === null ? [] : [{ lb_endpoints: [{ endpoint }] }],
    },
    ...(maxRequests !== undefined && {
      circuit_breakers: { thresholds: [{ max_requests: maxRequests, max_pending_requests: maxRequests }] },
    }),
  };
}

function routeConfig({ prefix, cluster, mirror }: Route): unknown {
  return {
    match: { prefix },
    route: {
      cluster,
      timeout: `${TIMEOUT_MS / 1000}s`,
      retry_policy: { retry_on: 'connect-failure', num_retries: 2 },
      ...(mirror !== undefined && { request_mirror_policies: [{ cluster: mirror }] }),
    },
  };
}
