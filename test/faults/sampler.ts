import { setTimeout as sleep } from 'node:timers/promises';
import type { DeploymentState, EndpointState } from '../../core/endpoint.js';
import {
  deploymentsIn,
  sameTraffic,
  shareOf,
  sumShares,
  trafficText,
  type Traffic,
} from '../../core/traffic.js';
import type { World } from './world.js';

const EVERY_MS = 100;

/** One read of an endpoint. */
export interface Look {
  /** When it was answered, milliseconds since the epoch. */
  readonly atMs: number;
  readonly traffic: Traffic;
  /** By name, why it cannot answer for a share; null = it can. */
  readonly deployments: Readonly<Record<string, string | null>>;
}

/** Reads an endpoint over and over, as any client of its target may, and keeps what it saw. */
export class Sampler {
  /** Traffic in the order in which it was seen, each change once. */
  readonly way: Traffic[] = [];
  /** When the newest of them was seen first, milliseconds since the epoch. */
  changedAtMs = 0;
  /** Live shares that did not sum to 100. */
  readonly wrongSums: string[] = [];
  readonly looks: Look[] = [];
  reads = 0;
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
      const look = this.#note(await endpoints.read(endpoint));
      this.reads += 1;
      // Shares and deployments are two calls, and a change may come between them: what is wrong is wrong also now.
      if (withoutAnswer(look).length > 0) this.#note(await endpoints.read(endpoint));
    } catch {
      // The judge finds for how long nobody could read it.
    }
  }

  #note({ traffic, deployments }: EndpointState): Look {
    const atMs = Date.now();
    const troubles = deployments.map((deployment) => [deployment.name, troubleOf(deployment)] as const);
    const look = { atMs, traffic, deployments: Object.fromEntries(troubles) };
    this.looks.push(look);
    const sum = sumShares(traffic.live);
    if (sum !== 100) this.wrongSums.push(`${sum}: ${trafficText(traffic)}`);
    const last = this.way.at(-1);
    if (last === undefined || !sameTraffic(last, traffic)) {
      this.way.push(traffic);
      this.changedAtMs = atMs;
    }
    return look;
  }
}

/** Deployments with a share that could not answer for it. */
export function withoutAnswer(look: Look): readonly string[] {
  return deploymentsIn(look.traffic).filter((name) => whyNot(look, name) !== null);
}

/** Live and mirrored, percent. */
export function share({ traffic: { live, mirror } }: Look, name: string): number {
  return shareOf(live, name) + shareOf(mirror, name);
}

export function whyNot({ deployments }: Look, name: string): string | null {
  const trouble = deployments[name];
  return trouble === undefined ? 'missing' : trouble;
}

function troubleOf({ state, instances }: DeploymentState): string | null {
  if (state !== 'ready') return state;
  return instances.ready === 0 ? 'without a ready instance' : null;
}
