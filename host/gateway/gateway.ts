import type { Logger } from 'pino';
import { messageOf, sleep } from '../wait.js';
import type { EnvoyAdmin } from './admin.js';
import type { GatewayFiles } from './files.js';
import type { GatewayModel } from './model.js';

/** How long Envoy may take to show a change, also when it has to be started again in between. */
const PATIENCE_MS = 30_000;

/** Envoy did not take a configuration. */
export class GatewayNotApplied extends Error {
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
    await this.#files.writeInstances(model);
    // A route must never name a cluster that is not there: clusters come before their routes, and go after them.
    const surplus = await this.#files.surplusClusters(model);
    await this.#clustersShown(await this.#files.writeClusters(model, surplus));
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

  #routesShown(version: string): Promise<void> {
    return this.#shown('routes', version, async () => {
      const applied = await this.#admin.routes();
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
