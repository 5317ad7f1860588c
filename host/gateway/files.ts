import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfThere, writeFileAtomic } from '../state/atomic.js';
import type { StatePaths } from '../state/paths.js';
import { faultListeners, faultRoutes } from './fault-listeners.js';
import type { GatewayModel } from './model.js';
import { clusters, discoveryResponse, loadAssignments, routeConfig, type JsonObject } from './resources.js';

/** Writes what Envoy reads. A file whose content is the same is left alone. */
export class GatewayFiles {
  readonly #paths: StatePaths;

  constructor(paths: StatePaths) {
    this.#paths = paths;
  }

  async prepare(): Promise<void> {
    await mkdir(this.#paths.gateway, { recursive: true, mode: 0o700 });
  }

  /** For an Envoy that is not running yet. */
  async writeAll(model: GatewayModel): Promise<void> {
    await this.writeInstances(model);
    await this.writeClusters(model);
    await this.writeFaultRoutes(model);
    await this.writeListeners(model);
    await this.writeRoutes(model);
    await this.removeSurplusInstances(model);
  }

  /**
   * Instances first: a new cluster reads its file at once.
   *
   * @param unless - services whose file, if there is one, is left as it is for now.
   */
  async writeInstances(model: GatewayModel, unless: ReadonlySet<string> = new Set()): Promise<void> {
    for (const [service, assignment] of loadAssignments(model)) {
      const path = this.#paths.instances(service);
      if (unless.has(service) && (await readTextIfThere(path)) !== undefined) continue;
      await write(path, [assignment]);
    }
  }

  async writeListeners(model: GatewayModel): Promise<string> {
    return write(
      this.#paths.listeners,
      faultListeners(model, (name) => this.#paths.faultRoutes(name)),
    );
  }

  /** @returns versions by the name of the route table. */
  async writeFaultRoutes(model: GatewayModel): Promise<ReadonlyMap<string, string>> {
    const versions = new Map<string, string>();
    for (const [name, routes] of faultRoutes(model)) {
      versions.set(name, await write(this.#paths.faultRoutes(name), [routes]));
    }
    return versions;
  }

  /**
   * @param kept - clusters of the present file that must stay although the model lacks them.
   * @returns the version that Envoy will show once it has taken them.
   */
  async writeClusters(model: GatewayModel, kept: readonly JsonObject[] = []): Promise<string> {
    const wanted = clusters(model, (service) => this.#paths.instances(service));
    return write(this.#paths.clusters, [...wanted, ...kept]);
  }

  /** Clusters of the present file that the model has no use for. */
  async surplusClusters(model: GatewayModel): Promise<JsonObject[]> {
    const text = await readTextIfThere(this.#paths.clusters);
    if (text === undefined) return [];
    const wanted = new Set(clusters(model, () => '').map((cluster) => cluster['name']));
    const { resources } = JSON.parse(text) as { resources: JsonObject[] };
    return resources.filter((resource) => !wanted.has(resource['name']));
  }

  async writeRoutes(model: GatewayModel): Promise<string> {
    return write(this.#paths.routes, [routeConfig(model)]);
  }

  /** Removes the files of deployments that are gone. */
  async removeSurplusInstances(model: GatewayModel): Promise<void> {
    const wanted = new Set([
      ...[...loadAssignments(model).keys()].map((service) => this.#paths.instances(service)),
      ...[...faultRoutes(model).keys()].map((name) => this.#paths.faultRoutes(name)),
    ]);
    for (const name of await readdir(this.#paths.gateway)) {
      const path = join(this.#paths.gateway, name);
      if (/^(instances|faults)-.*\.json$/.test(name) && !wanted.has(path)) await rm(path, { force: true });
    }
  }
}

async function write(path: string, resources: readonly JsonObject[]): Promise<string> {
  // The version is the content's own digest: equal rules are equal versions, also for a host that was started anew.
  const version = createHash('sha256').update(JSON.stringify(resources)).digest('hex').slice(0, 16);
  const text = JSON.stringify(discoveryResponse(version, resources), null, 1);
  if ((await readTextIfThere(path)) !== text) await writeFileAtomic(path, text);
  return version;
}
