import { azureCapabilities } from '../../core/capabilities.js';
import type { Endpoints, Metrics, TargetPorts } from '../../adapters/ports.js';
import type { DeploymentState, EndpointState } from '../../core/endpoint.js';
import type { Counters, MetricsSnapshot } from '../../core/metrics.js';
import type { Traffic } from '../../core/traffic.js';

const EDGES_MS = [5, 10, 20, 50, 100, 200, 500];

/**
 * An endpoint in memory that answers at once and never fails, with a healthy green: what is left is the engine's own cost.
 */
export class MemoryEndpoint {
  #traffic: Traffic = { live: { blue: 100 }, mirror: {} };
  readonly #deployments = new Map<string, DeploymentState>();
  readonly #onLook: (atMs: number) => void;
  #requests = 0;

  constructor(onLook: (atMs: number) => void = () => undefined) {
    this.#onLook = onLook;
    this.#add('blue');
  }

  ports(): TargetPorts {
    return { endpoints: this.#endpoints(), metrics: this.#metrics() };
  }

  #add(name: string, tags: DeploymentState['tags'] = {}): void {
    const instances = { wanted: 1, ready: 1 };
    this.#deployments.set(name, { name, state: 'ready', instances, restarts: 0, tags });
  }

  #show(name: string): EndpointState {
    const deployments = [...this.#deployments.values()];
    return {
      name,
      kind: 'managed',
      state: 'ready',
      traffic: this.#traffic,
      deployments,
      scoringUri: 'memory:',
    };
  }

  #endpoints(): Endpoints {
    const done = Promise.resolve();
    return {
      read: (name) => Promise.resolve(this.#show(name)),
      capabilities: () => Promise.resolve(azureCapabilities('managed')),
      writeTraffic: (_, traffic) => {
        this.#traffic = traffic;
        return done;
      },
      createDeployment: (_, { name }, tags) => {
        this.#add(name, tags);
        return done;
      },
      readDeployment: (_, name) => Promise.resolve(this.#deployments.get(name)),
      deleteDeployment: (_, name) => {
        this.#deployments.delete(name);
        return done;
      },
      scale: () => done,
      isAutoscaled: () => Promise.resolve(false),
      invoke: () => Promise.resolve({ status: 200, body: '{}', durationMs: 1 }),
      logs: () => Promise.resolve(''),
    };
  }

  #metrics(): Metrics {
    return {
      capabilities: { histograms: true, mirrored: true },
      read: () => {
        this.#onLook(Date.now());
        this.#requests += 100;
        const counters: Counters = {
          requests: this.#requests,
          errors: 0,
          le: EDGES_MS.map(() => this.#requests).concat(this.#requests),
          active: 0,
        };
        const all = { live: counters, mirror: counters, direct: counters };
        const names = [...this.#deployments.keys()];
        const snapshot: MetricsSnapshot = {
          atMs: Date.now(),
          ageMs: 0,
          edgesMs: EDGES_MS,
          deployments: Object.fromEntries(names.map((name) => [name, all])),
        };
        return Promise.resolve(snapshot);
      },
    };
  }
}
