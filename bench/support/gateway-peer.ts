import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';

/** Ports of the backends, and their shares of live and of mirrored traffic, percent. */
export type Backends = Readonly<
  Record<string, { readonly port: number; readonly live: number; readonly mirror: number }>
>;

/** The configuration that somebody would write by hand for weighted backends: no auth, no limits, no probes. */
function byHand(port: number, adminPort: number, backends: Backends) {
  const at = (value: number) => ({ socket_address: { address: '127.0.0.1', port_value: value } });
  const type = 'type.googleapis.com/envoy.extensions.filters';
  const all = Object.entries(backends);
  const mirrored = all.filter(([, { mirror }]) => mirror > 0);
  return {
    admin: { address: at(adminPort) },
    static_resources: {
      listeners: [
        {
          address: at(port),
          enable_reuse_port: false,
          filter_chains: [
            {
              filters: [
                {
                  name: 'envoy.filters.network.http_connection_manager',
                  typed_config: {
                    '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
                    stat_prefix: 'by_hand',
                    route_config: {
                      virtual_hosts: [
                        {
                          name: 'all',
                          domains: ['*'],
                          routes: [
                            {
                              match: { prefix: '/' },
                              route: {
                                weighted_clusters: {
                                  clusters: all.map(([name, { live }]) => ({ name, weight: live })),
                                },
                                request_mirror_policies: mirrored.map(([cluster, { mirror }]) => ({
                                  cluster,
                                  runtime_fraction: {
                                    default_value: { numerator: mirror, denominator: 'HUNDRED' },
                                  },
                                })),
                              },
                            },
                          ],
                        },
                      ],
                    },
                    http_filters: [
                      {
                        name: 'envoy.filters.http.router',
                        typed_config: { '@type': `${type}.http.router.v3.Router` },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: all.map(([name, { port: backend }]) => ({
        name,
        type: 'STATIC',
        load_assignment: {
          cluster_name: name,
          endpoints: [{ lb_endpoints: [{ endpoint: { address: at(backend) } }] }],
        },
      })),
    },
  };
}

export interface Peer {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts Envoy with a configuration written by hand, on two given ports. */
export async function startByHand(
  envoy: string,
  folder: string,
  ports: readonly [gateway: number, admin: number],
  backends: Backends,
): Promise<Peer> {
  const config = join(folder, 'by-hand.json');
  await writeFile(config, JSON.stringify(byHand(...ports, backends)));
  const args = [
    '--config-path',
    config,
    '--concurrency',
    '2',
    '--disable-hot-restart',
    '--log-level',
    'error',
  ];
  const child: ChildProcess = spawn(envoy, args, { stdio: 'ignore' });
  const ready = `http://127.0.0.1:${ports[1]}/ready`;
  for (let look = 0; ; look++) {
    const status = await request(ready).then(
      async ({ statusCode, body }) => body.dump().then(() => statusCode),
      () => 0,
    );
    if (status === 200) break;
    if (look === 100 || child.exitCode !== null) throw new Error(`Envoy with ${config} did not get ready`);
    await sleep(100);
  }
  return {
    url: `http://127.0.0.1:${ports[0]}/score`,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Processor time that a process has used, milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
