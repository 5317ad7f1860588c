import { setTimeout as sleep } from 'node:timers/promises';
import { findDeployment, type EndpointState } from '../../core/endpoint.js';
import { sameTraffic, shareOf, sumShares, trafficText, type Traffic } from '../../core/traffic.js';
import type { World } from './world.js';

const EVERY_MS = 100;

/** A share at a deployment that could not answer for it. */
export interface BadShare {
  readonly atMs: number;
  readonly deployment: string;
  readonly what: string;
}

/** Reads an endpoint over and over, as any client of its target may, and keeps what must never be seen. */
export class Sampler {
  /** Traffic in the order in which it was seen, each change once. */
  readonly way: Traffic[] = [];
  /** When the newest of them was seen first, milliseconds since the epoch. */
  changedAtMs = 0;
  /** Live shares that did not sum to 100. */
  readonly wrongSums: string[] = [];
  readonly badShares: BadShare[] = [];
  reads = 0;
  /** Reads without an answer: the host was away. */
  unanswered = 0;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  /** Begins at once. */
  constructor(world: World, endpoint: string) {
    this.#running = this.#run(world, endpoint);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(world: World, endpoint: string): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#sample(world, endpoint);
      await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #sample(world: World, endpoint: string): Promise<void> {
    try {
      const { endpoints } = await world.ports();
      const state = await endpoints.read(endpoint);
      this.reads += 1;
      this.#note(state.traffic);
      const suspects = cannotAnswer(state);
      if (suspects.length === 0) return;
      // Shares and deployments are two calls, and a change may come between them: what is wrong is wrong also now.
      const again = await endpoints.read(endpoint);
      this.#note(again.traffic);
      const still = cannotAnswer(again);
      this.badShares.push(
        ...suspects.filter((bad) => still.some(({ deployment }) => deployment === bad.deployment)),
      );
    } catch {
      this.unanswered += 1;
    }
  }

  #note(traffic: Traffic): void {
    const sum = sumShares(traffic.live);
    if (sum !== 100) this.wrongSums.push(`${sum}: ${trafficText(traffic)}`);
    const last = this.way.at(-1);
    if (last !== undefined && sameTraffic(last, traffic)) return;
    this.way.push(traffic);
    this.changedAtMs = Date.now();
  }
}

function cannotAnswer(state: EndpointState): readonly BadShare[] {
  const { live, mirror } = state.traffic;
  return [...new Set([...Object.keys(live), ...Object.keys(mirror)])].flatMap((deployment) => {
    const share = shareOf(live, deployment) + shareOf(mirror, deployment);
    if (share === 0) return [];
    const found = findDeployment(state, deployment);
    const what =
      found === undefined
        ? 'missing'
        : found.state !== 'ready'
          ? found.state
          : found.instances.ready === 0
            ? 'without a ready instance'
            : null;
    return what === null
      ? []
      : [{ atMs: Date.now(), deployment, what: `${share} % at ${deployment}, ${what}` }];
  });
}
