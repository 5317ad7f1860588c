import type { Logger } from 'pino';
import { messageOf, sleep } from '../wait.js';
import type { EnvoyAdmin } from './admin.js';
import type { GatewayFiles } from './files.js';
import type { GatewayModel } from './model.js';
import { serviceName } from './names.js';
import { ROUTE_CONFIG_NAME } from './resources.js';

/** How long Envoy may take to show a change, also when it has to be started again in between. */
const PATIENCE_MS = 30_000;

function servicesWithFaults(model: GatewayModel): ReadonlySet<string> {
  return new Set(
    model.endpoints.flatMap(({ workspace, name, deployments }) =>
      deployments
        .filter(({ faults }) => faults?.inUse)
        .map((each) => serviceName(workspace, name, each.name)),
    ),
  );
}

/** Envoy did not take a configuration. */
class GatewayNotApplied extends Error {
  override readonly name = 'GatewayNotApplied';
}

/** Makes Envoy route as the host's state says. */
export class Gateway {
  readonly #files: GatewayFiles;
  readonly #admin: EnvoyAdmin;
  readonly #model: () => GatewayModel;
  readonly #log: Logger;
  #running: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  #closed = false;

  constructor(files: GatewayFiles, admin: EnvoyAdmin, model: () => GatewayModel, log: Logger) {
    this.#files = files;
    this.#admin = admin;
    this.#model = model;
    this.#log = log;
  }

  /**
   * Brings Envoy to the state as it is now, and returns once Envoy shows it.
   *
   * One at a time; calls that come meanwhile share the next turn.
   *
   * @throws {GatewayNotApplied} when Envoy refuses it, or does not show it in time.
   */
  sync(): Promise<void> {
    this.#waiting ??= this.#turnAfter(this.#running);
    return this.#waiting;
  }

  /** Like `sync`, for changes that nobody waits for. */
  syncSoon(): void {
    this.sync().catch((error: unknown) => {
      if (!this.#closed) this.#log.error({ err: error }, 'Envoy did not take a change');
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running.catch(() => undefined);
  }

  async #turnAfter(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined);
    this.#running = this.#waiting ?? Promise.resolve();
    this.#waiting = undefined;
    await this.#apply();
  }

  async #apply(): Promise<void> {
    const model = this.#model();
    // A deployment with faults goes on as it is until the listener that makes them is there.
    const faulty = servicesWithFaults(model);
    await this.#files.writeInstances(model, faulty);
    // A route must never name a cluster that is not there: clusters come before their routes, and go after them.
    const surplus = await this.#files.surplusClusters(model);
    await this.#clustersShown(await this.#files.writeClusters(model, surplus));
    const faultRoutes = await this.#files.writeFaultRoutes(model);
    await this.#listenersShown(await this.#files.writeListeners(model));
    for (const [name, version] of faultRoutes) await this.#routesShown(version, name);
    if (faulty.size > 0) await this.#files.writeInstances(model);
    await this.#routesShown(await this.#files.writeRoutes(model));
    if (surplus.length > 0) {
      await this.#clustersShown(await this.#files.writeClusters(model));
      await this.#files.removeSurplusInstances(model);
    }
  }

  #clustersShown(version: string): Promise<void> {
    let rejections: number | undefined;
    return this.#shown('clusters', version, async () => {
      const applied = await this.#admin.clusters();
      rejections ??= applied.clusterRejections;
      if (applied.clusterRejections > rejections)
        throw new GatewayNotApplied('Envoy refused the clusters; see its log');
      return applied.clustersVersion === version && applied.warmingClusters === 0;
    });
  }

  #listenersShown(version: string): Promise<void> {
    return this.#shown('listeners', version, async () => {
      const applied = await this.#admin.listeners();
      return applied.version === version && applied.warming === 0;
    });
  }

  #routesShown(version: string, name: string = ROUTE_CONFIG_NAME): Promise<void> {
    return this.#shown('routes', version, async () => {
      const applied = await this.#admin.routes(name);
      if (applied.version === version) return true;
      if (applied.rejected !== undefined)
        throw new GatewayNotApplied(`Envoy refused the routes: ${applied.rejected}`);
      return false;
    });
  }

  async #shown(what: string, version: string, look: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    let last = 'it shows an older version';
    while (!this.#closed) {
      try {
        if (await look()) return;
        last = 'it shows an older version';
      } catch (error) {
        if (error instanceof GatewayNotApplied) throw error;
        last = messageOf(error);
      }
      if (Date.now() > end) {
        throw new GatewayNotApplied(
          `Envoy did not show ${what} version ${version} within ${PATIENCE_MS / 1000} s: ${last}`,
        );
      }
      await sleep(20);
    }
    throw new GatewayNotApplied('the host is shutting down');
  }
}
