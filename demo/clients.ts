import { type Answer, Load, type LoadSettings } from './load.js';
import { isError, tally, tallyByDeployment } from './tally.js';
import type { Teller } from './teller.js';

/** What two shared cores carry with latencies of a few milliseconds, mirrored copies and all else that runs included. */
const REQUESTS_PER_SECOND = 80;
/** The clients give up after so long, whatever happens. */
const LONGEST_MS = 15 * 60_000;
const LINE_EVERY_MS = 5_000;

/** The clients of the demo: sends, remembers every answer, and tells every few seconds what came. */
export class Clients {
  readonly answers: Answer[] = [];
  readonly #load: Load;
  readonly #timer: NodeJS.Timeout;
  readonly #tell: Teller;
  #told = 0;

  /** Begins at once. */
  constructor(door: Pick<LoadSettings, 'scoringUri' | 'key' | 'rows'>, tell: Teller) {
    this.#tell = tell;
    this.#load = new Load({
      ...door,
      perSecond: REQUESTS_PER_SECOND,
      atMost: (REQUESTS_PER_SECOND * LONGEST_MS) / 1000,
      onAnswer: (answer) => this.#hear(answer),
    });
    this.#timer = setInterval(() => this.#tellNews(), LINE_EVERY_MS);
  }

  /** Sends no more; returns when every request is answered. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#load.stop();
  }

  #hear(answer: Answer): void {
    if (isError(answer) && !this.answers.some(isError)) {
      const who = answer.deployment === null ? 'nobody' : answer.deployment;
      this.#tell.clients(
        `clients: the first failed request, ${answer.status ?? 'no answer'} from ${who}`,
        true,
      );
    }
    this.answers.push(answer);
  }

  #tellNews(): void {
    const news = this.answers.slice(this.#told);
    this.#told = this.answers.length;
    const { requests, errors, p50Ms, p95Ms } = tally(news);
    const by = Object.entries(tallyByDeployment(news)).map(
      ([name, t]) => `${name} ${t.requests}${t.errors === 0 ? '' : ` (${t.errors} failed)`}`,
    );
    this.#tell.clients(
      `clients: ${requests} requests in ${LINE_EVERY_MS / 1000} s, ${errors} failed, ` +
        `p50 ${millis(p50Ms)}, p95 ${millis(p95Ms)}; answered by ${by.join(', ')}`,
      errors > 0,
    );
  }
}

/** `12 ms`. */
export function millis(value: number | null): string {
  return value === null ? '-' : `${Math.round(value)} ms`;
}
