import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

/** What one client got. */
export interface Got {
  readonly atMs: number;
  /** null = no answer. */
  readonly status: number | null;
  /** Who answered. */
  readonly by: string | null;
}

/** Clients of one host name of the gateway, each sending its next request when it has its answer. */
export class Clients {
  readonly got: Got[] = [];
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;
  #on = true;
  #running: Promise<unknown> | undefined;

  constructor(gatewayUrl: string, host: string, headers: Readonly<Record<string, string>> = {}) {
    this.#pool = new Pool(gatewayUrl, { connections: 32, headersTimeout: 10_000 });
    this.#headers = { host, 'content-type': 'application/json', ...headers };
  }

  async ask(): Promise<Got> {
    let one: Got;
    try {
      const answer = await this.#pool.request({
        method: 'POST',
        path: '/score',
        headers: this.#headers,
        body: '{"data":[[1]]}',
      });
      const { version } = (await answer.body.json().catch(() => ({}))) as { version?: string };
      one = { atMs: Date.now(), status: answer.statusCode, by: version ?? null };
    } catch {
      one = { atMs: Date.now(), status: null, by: null };
    }
    this.got.push(one);
    return one;
  }

  /** Sends so many requests, `atOnce` at a time, and returns when all are answered. */
  async send(count: number, atOnce = 16): Promise<void> {
    let left = count;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left-- > 0) await this.ask();
      }),
    );
  }

  /** Asks until `stop`, each client with a pause between its requests. */
  start(atOnce: number, pauseMs: number): void {
    this.#running = Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (this.#on) {
          await this.ask();
          await sleep(pauseMs);
        }
      }),
    );
  }

  async stop(): Promise<void> {
    this.#on = false;
    await this.#running;
    await this.#pool.close();
  }
}
