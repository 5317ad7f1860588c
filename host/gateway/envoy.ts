import type { Logger } from 'pino';
import { findMarked, isAlive, PROCESS_MARK, signal, STATE_MARK } from '../processes.js';
import { isFree } from '../ports.js';
import { boundLog, tailOf } from '../serving/logs.js';
import { spawnDetached } from '../serving/spawn.js';
import { BackOff } from '../serving/back-off.js';
import { readTextIfThere, writeFileAtomic } from '../state/atomic.js';
import type { StatePaths } from '../state/paths.js';
import type { Store } from '../state/store.js';
import { messageOf, sleep, until } from '../wait.js';
import type { EnvoyAdmin } from './admin.js';
import { bootstrap } from './bootstrap.js';

const ENVOY_MARK = 'envoy';
const LOOK_MS = 100;

/** Keeps one Envoy running on the ports of the state folder, also the one that an earlier host started. */
export class EnvoyProcess {
  readonly #store: Store;
  readonly #paths: StatePaths;
  readonly #binary: string;
  readonly #admin: EnvoyAdmin;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(store: Store, paths: StatePaths, binary: string, admin: EnvoyAdmin, log: Logger) {
    this.#store = store;
    this.#paths = paths;
    this.#binary = binary;
    this.#admin = admin;
    this.#log = log;
  }

  /** @throws when Envoy cannot be started, with the end of its log. */
  async start(): Promise<void> {
    await writeFileAtomic(this.#paths.bootstrap, this.#bootstrap());
    if (!this.#isRunning()) await this.#launch();
    const ready = await until(async () => (await this.#admin.isReady()) || !this.#isRunning(), {
      timeoutMs: 30_000,
    });
    if (!ready || !this.#isRunning()) {
      const log = await tailOf(this.#paths.envoyLog, 15);
      throw new Error(
        `Envoy (${this.#binary}) ${ready ? 'ended at once' : 'did not get ready in 30 s'}; its log ends:\n${log}`,
      );
    }
    this.#loop = this.#watch();
  }

  #bootstrap(): string {
    const { ports } = this.#store.state;
    return JSON.stringify(
      bootstrap({
        gatewayPort: ports.gateway,
        gatewayTlsPort: ports.gatewayTls,
        certPath: this.#paths.cert,
        keyPath: this.#paths.key,
        adminPort: ports.admin,
        clustersPath: this.#paths.clusters,
        routesPath: this.#paths.routes,
        listenersPath: this.#paths.listeners,
        pairsLogPath: this.#paths.pairsLog,
      }),
      null,
      1,
    );
  }

  /** Stops looking after it, and leaves it running. */
  async release(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  /**
   * Finds the Envoy that an earlier host left. One that was started with other settings than this host's is ended: the
   * routes that it is about to get may lean on what only these have.
   *
   * @returns whether there is one.
   */
  async adopt(): Promise<boolean> {
    const { state } = this.#store;
    const found = findMarked(state.id).filter((process) => process.mark === ENVOY_MARK);
    // Its number may be missing: the host may have been killed right after the start.
    const own = found.find((process) => process.pid === state.envoy?.pid) ?? found.at(0);
    for (const process of found) {
      if (process !== own) signal(process, 'SIGKILL');
    }
    state.envoy = own ? { pid: own.pid, startTime: own.startTime } : null;
    if (own && (await readTextIfThere(this.#paths.bootstrap)) !== this.#bootstrap()) {
      this.#log.warn({ pid: own.pid }, 'Envoy runs with the settings of another version; starting it again');
      signal(own, 'SIGTERM');
      if (!(await until(() => !isAlive(own), { timeoutMs: 5_000 }))) signal(own, 'SIGKILL');
      state.envoy = null;
      await this.#store.save();
      return false;
    }
    if (own) this.#log.info({ pid: own.pid }, 'Envoy found running');
    await this.#store.save();
    return own !== undefined;
  }

  #isRunning(): boolean {
    const { envoy } = this.#store.state;
    return envoy !== null && isAlive(envoy);
  }

  async #launch(): Promise<void> {
    const { state } = this.#store;
    await this.#portsFree();
    state.envoy = await spawnDetached(
      {
        file: this.#binary,
        args: [
          ...['--config-path', this.#paths.bootstrap],
          ...['--concurrency', '2'],
          // No shared memory of hot restarts, which would clash with other Envoys of this machine.
          '--disable-hot-restart',
          ...['--log-level', 'warning'],
          // The gates look every few seconds; Envoy's default of ten would leave them without pairs for two looks.
          ...['--file-flush-interval-msec', '500'],
          // It repeats at every change of the routes that its key filter is marked as work in progress.
          ...['--component-log-level', 'misc:error'],
        ],
        cwd: this.#paths.gateway,
        env: {
          PATH: process.env['PATH'] ?? '/usr/bin:/bin',
          [STATE_MARK]: state.id,
          [PROCESS_MARK]: ENVOY_MARK,
        },
      },
      this.#paths.envoyLog,
      (how) => {
        this.#log.warn({ how }, 'Envoy ended');
      },
    );
    this.#log.info({ pid: state.envoy.pid, ports: state.ports }, 'Envoy started');
    await this.#store.save();
  }

  async #portsFree(): Promise<void> {
    const { gateway, gatewayTls, admin } = this.#store.state.ports;
    for (const port of [gateway, gatewayTls, admin]) {
      // A moment of patience: the Envoy before may still be closing.
      if (!(await until(() => isFree(port), { timeoutMs: 2_000 }))) {
        throw new Error(
          `port ${port} of the gateway is in use by another program; clients know this port, so the host does not ` +
            `choose another: end that program, or start with another --state`,
        );
      }
    }
  }

  async #watch(): Promise<void> {
    const backOff = new BackOff();
    let lastLogLook = 0;
    while (!this.#stop.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      try {
        if (Date.now() - lastLogLook > 10_000) {
          lastLogLook = Date.now();
          await boundLog(this.#paths.envoyLog);
        }
        if (this.#isRunning()) continue;
        const waitMs = backOff.ended(Date.now());
        this.#log.warn({ waitMs }, 'Envoy is gone; starting it again');
        await sleep(waitMs);
        if (!this.#stop.signal.aborted) await this.#launch();
      } catch (error) {
        this.#log.error({ err: messageOf(error) }, 'Looking after Envoy went wrong');
      }
    }
  }
}
