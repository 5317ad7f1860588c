import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { vi } from 'vitest';
import { freePort } from '../../host/ports.js';

/** Something that Prometheus scrapes: counters by series, as text. */
export class ScrapedProcess {
  readonly counters = new Map<string, number>();
  #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param options.onScrape - what happened since the last scrape. */
  static async start(
    options: { readonly onScrape?: (it: ScrapedProcess) => void } = {},
  ): Promise<ScrapedProcess> {
    const server = createServer((_, answer) => {
      options.onScrape?.(it);
      answer.setHeader('content-type', 'text/plain; version=0.0.4');
      answer.end([...it.counters].map(([series, value]) => `${series} ${value}\n`).join(''));
    });
    const it = new ScrapedProcess(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return it;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  add(series: string, by: number): void {
    this.counters.set(series, (this.counters.get(series) ?? 0) + by);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export interface RealPrometheus {
  readonly url: string;
  /** Ends it without a word, and starts it again on what it has stored. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Prometheus of the PATH, scraping five times a second. */
export async function startPrometheus(targets: readonly string[]): Promise<RealPrometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'greenlight-prometheus-'));
  const address = `127.0.0.1:${await freePort()}`;
  const config = {
    global: { scrape_interval: '200ms', scrape_timeout: '200ms' },
    scrape_configs: [{ job_name: 'proxies', static_configs: [{ targets }] }],
  };
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    child = undefined;
    if (ending === undefined) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    await ended;
  };
  const start = async () => {
    child = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: 'ignore' },
    );
    await vi.waitFor(
      async () => {
        const { statusCode, body } = await request(`http://${address}/-/ready`);
        await body.dump();
        if (statusCode !== 200) throw new Error(`Prometheus answers ${statusCode}`);
      },
      { timeout: 30_000, interval: 100 },
    );
  };
  const stop = async () => {
    await end('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url: `http://${address}`, start, crash: () => end('SIGKILL'), stop };
}
