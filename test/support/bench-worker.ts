import {
  DefaultLogger,
  type LogEntry,
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';

import { Link } from './link.js';

/** All that a worker of a bench needs, but its connection. `activities` get the ports through `mortal`. */
export type BenchWorkerOptions = Omit<WorkerOptions, 'connection' | 'activities'> & {
  readonly activities: (mortal: <T extends object>(ports: T) => T) => object;
};

/** A worker that is dead to Temporal does not end by itself: what it worked on cannot be handed back. */
const BURY_WITHIN = '5s';

/**
 * The SDK's runtime for a bench: quiet about what befalls workers that a test kills.
 *
 * @param log - gets all that is logged, in place of the console.
 */
export function installBenchRuntime(log?: (entry: LogEntry) => void): void {
  Runtime.install({
    logger: new DefaultLogger(log === undefined ? 'ERROR' : 'DEBUG', (entry) => {
      if (log !== undefined) {
        log(entry);
        return;
      }
      const { level, message, meta } = entry;
      const buried =
        message === 'Worker failed' && /GracefulShutdownPeriodExpired/.test(String(meta?.['error']));
      if (!buried) console.error(level, message, meta);
    }),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
}

/** A worker in this process that can be killed as a process is: from one moment to the next, nothing of it happens any more. */
export class BenchWorker {
  readonly #link: Link;
  readonly #connection: NativeConnection;
  readonly #worker: Worker;
  readonly #running: Promise<void>;
  readonly #life: { alive: boolean };

  private constructor(link: Link, connection: NativeConnection, worker: Worker, life: { alive: boolean }) {
    this.#link = link;
    this.#connection = connection;
    this.#worker = worker;
    this.#life = life;
    // Its end is an error once it was killed: nobody answers when it says goodbye.
    this.#running = worker.run().catch((error: unknown) => {
      if (life.alive) throw error;
    });
  }

  /** @param address - host:port of Temporal. */
  static async start(address: string, { activities, ...options }: BenchWorkerOptions): Promise<BenchWorker> {
    const life = { alive: true };
    const link = await Link.open(address);
    const connection = await NativeConnection.connect({ address: link.address });
    const worker = await Worker.create({
      ...options,
      connection,
      activities: activities((ports) => mortal(ports, life)),
      shutdownForceTime: BURY_WITHIN,
    });
    return new BenchWorker(link, connection, worker, life);
  }

  /** Ends it in order: it hands back what it works on. */
  async stop(): Promise<void> {
    this.#worker.shutdown();
    await this.#running;
    await this.#connection.close();
    this.#link.cut();
  }

  /** No answer of it arrives from now on, no heartbeat, and no call that its activities make has an effect. */
  kill(): void {
    this.#life.alive = false;
    this.#link.cut();
    this.#worker.shutdown();
  }
}

/** The same ports, whose calls neither act nor end once the worker is dead. */
function mortal<T extends object>(ports: T, life: { readonly alive: boolean }): T {
  const guarded = (part: object): object =>
    new Proxy(part, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value === 'function') {
          return (...args: unknown[]) =>
            life.alive ? Reflect.apply(value, target, args) : new Promise(() => undefined);
        }
        return typeof value === 'object' && value !== null ? guarded(value) : value;
      },
    });
  return guarded(ports) as T;
}
