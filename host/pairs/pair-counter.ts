import type { Logger } from 'pino';
import type { EnvoyAdmin } from '../gateway/admin.js';
import type { HostState } from '../state/model.js';
import { messageOf, sleep } from '../wait.js';
import { parseLogLine } from './log-line.js';
import { LogTail } from './log-tail.js';
import { type Cells, type MatchedCells, PairMatcher } from './matcher.js';

const EVERY_MS = 250;

/** Cells of a baseline and a mirrored deployment of one endpoint. */
interface PairRecord extends Cells {
  readonly endpoint: string;
  /** null: answers of the mirrored deployment whose live half was lost. */
  readonly live: string | null;
  readonly mirror: string;
}

export interface PairSeries {
  /** Another number is another series: totals of two have no difference. Milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly pairs: readonly PairRecord[];
}

/**
 * Counts what both deployments answered to mirrored requests, from what the gateway writes down.
 *
 * Only totals are kept, in memory. A series begins with the host, with each Envoy, and when more requests wait for an answer
 * than can be remembered.
 */
export class PairCounter {
  readonly #state: HostState;
  readonly #log: Logger;
  readonly #tail: LogTail;
  readonly #stop = new AbortController();
  #matcher = new PairMatcher();
  #sinceMs = 0;
  #envoy = '';
  #loop: Promise<void> | undefined;

  constructor(state: HostState, admin: EnvoyAdmin, path: string, log: Logger) {
    this.#state = state;
    this.#log = log;
    this.#tail = new LogTail(path, () => admin.reopenLogs());
  }

  async start(): Promise<void> {
    await this.#begin();
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#tail.close();
  }

  /** All totals of a workspace's endpoints. */
  series(workspace: string): PairSeries {
    return {
      sinceMs: this.#sinceMs,
      pairs: this.#matcher.counts().flatMap((each) => recordOf(each, workspace)),
    };
  }

  async #run(): Promise<void> {
    let expiredMs = 0;
    while (!this.#stop.signal.aborted) {
      await sleep(EVERY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      try {
        if (this.#envoy !== this.#envoyNow() || this.#matcher.isFull) await this.#begin();
        for await (const text of this.#tail.lines()) {
          const line = parseLogLine(text);
          if (line) this.#matcher.take(line, Date.now());
        }
        if (Date.now() - expiredMs > 1_000) {
          expiredMs = Date.now();
          this.#matcher.expire(expiredMs);
        }
      } catch (error) {
        // What was not read now is read the next time.
        this.#log.warn({ err: messageOf(error) }, 'The log of mirrored requests was not read');
      }
    }
  }

  async #begin(): Promise<void> {
    this.#envoy = this.#envoyNow();
    this.#matcher = new PairMatcher();
    await this.#tail.skip();
    this.#sinceMs = Math.max(Date.now(), this.#sinceMs + 1);
  }

  #envoyNow(): string {
    return `${this.#state.envoy?.pid}/${this.#state.envoy?.startTime}`;
  }
}

function recordOf({ live, mirror, cells }: MatchedCells, workspace: string): PairRecord[] {
  const [space, endpoint = '', copied = ''] = mirror.split('~');
  if (space !== workspace) return [];
  return [{ endpoint, live: live === '' ? null : (live.split('~')[2] ?? null), mirror: copied, ...cells }];
}
