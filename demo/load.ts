import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';

/** One request, as its client saw it. */
export interface Answer {
  /** When it was answered, or given up; milliseconds since the epoch. */
  readonly atMs: number;
  /** From when it was due: a client that lags behind must not make the endpoint look fast. */
  readonly latencyMs: number;
  /** null = no answer: connection lost, or out of time. */
  readonly status: number | null;
  /** Who answered, by the gateway's header; null where the gateway answered itself, or nobody did. */
  readonly deployment: string | null;
  /** What the model says of itself; null in a failed answer. */
  readonly version: string | null;
}

export interface LoadSettings {
  readonly scoringUri: string;
  /** A key of the endpoint. */
  readonly key: string;
  /** Host name that requests are for, where that is another than the address. */
  readonly host?: string;
  /** Each is sent as `{"data": [row]}`, one after the other and from the beginning again. */
  readonly rows: readonly (readonly number[])[];
  readonly perSecond: number;
  /** The load ends by itself after so many requests. */
  readonly atMost: number;
  readonly onAnswer: (answer: Answer) => void;
}

const TIMEOUT_MS = 10_000;
/** Coarser than the time between two requests on purpose: those that are due are sent together. */
const TICK_MS = 5;

/**
 * Clients of an endpoint: requests at a constant rate, whatever the answers do (an open loop).
 *
 * Own code, since the load generators on npm are closed loops (autocannon among them): they wait for an answer before
 * the next request, so a slow version would get less traffic than it gets in life. They do not tell who answered either.
 */
export class Load {
  readonly #settings: LoadSettings;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #bodies: readonly string[];
  readonly #startedAt = performance.now();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #sent = 0;

  /** Begins at once. */
  constructor(settings: LoadSettings) {
    const uri = new URL(settings.scoringUri);
    this.#settings = settings;
    this.#path = uri.pathname + uri.search;
    this.#bodies = settings.rows.map((row) => JSON.stringify({ data: [row] }));
    this.#pool = new Pool(uri.origin, {
      connections: 64,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    this.#timer = setInterval(() => this.#sendWhatIsDue(), TICK_MS);
  }

  /** Sends no more, and returns when every request is answered. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#inFlight);
    if (!this.#pool.closed) await this.#pool.close();
  }

  #sendWhatIsDue(): void {
    const { perSecond, atMost } = this.#settings;
    const due = Math.min(atMost, Math.floor(((performance.now() - this.#startedAt) / 1000) * perSecond) + 1);
    while (this.#sent < due) {
      const dueAt = this.#startedAt + (this.#sent / perSecond) * 1000;
      const body = this.#bodies[this.#sent % this.#bodies.length] ?? '';
      this.#sent += 1;
      const request = this.#send(body, dueAt).finally(() => this.#inFlight.delete(request));
      this.#inFlight.add(request);
    }
    if (this.#sent >= atMost) clearInterval(this.#timer);
  }

  async #send(body: string, dueAt: number): Promise<void> {
    const seen = await this.#ask(body);
    this.#settings.onAnswer({ ...seen, atMs: Date.now(), latencyMs: performance.now() - dueAt });
  }

  async #ask(body: string): Promise<Pick<Answer, 'status' | 'deployment' | 'version'>> {
    const { key, host } = this.#settings;
    try {
      const answer = await this.#pool.request({
        method: 'POST',
        path: this.#path,
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${key}`,
          ...(host === undefined ? {} : { host }),
        },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const deployment = answer.headers['azureml-model-deployment'];
      const text = await answer.body.text();
      return {
        status: answer.statusCode,
        deployment: typeof deployment === 'string' ? deployment : null,
        version: answer.statusCode === 200 ? versionIn(text) : null,
      };
    } catch {
      return { status: null, deployment: null, version: null };
    }
  }
}

/** @returns null when it is not what a model of the demo answers. */
function versionIn(text: string): string | null {
  try {
    const { version, predictions } = JSON.parse(text) as { version?: unknown; predictions?: unknown };
    const complete =
      Array.isArray(predictions) && predictions.length === 1 && Number.isFinite(predictions[0]);
    return typeof version === 'string' && complete ? version : null;
  } catch {
    return null;
  }
}
