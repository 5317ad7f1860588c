import { randomBytes } from 'node:crypto';
import type { DeploymentRecord, EndpointRecord, HostState } from './model.js';
import { readTextIfThere, writeFileAtomic } from './atomic.js';

/**
 * The host's state: in memory to read and change, on disk to survive.
 *
 * Changes are made in place, without waiting in between; `save` then returns once the disk has them. Calls that come
 * while a write is under way share the next one.
 */
export class Store {
  readonly state: HostState;
  readonly #path: string;
  #writing: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  private constructor(path: string, state: HostState) {
    this.#path = path;
    this.state = state;
  }

  /** @throws when the file is there and is not a state that this version reads. */
  static async open(path: string): Promise<Store> {
    const text = await readTextIfThere(path);
    return new Store(path, text === undefined ? emptyState() : parseState(path, text));
  }

  save(): Promise<void> {
    this.#next ??= this.#writeAfter(this.#writing);
    return this.#next;
  }

  async #writeAfter(before: Promise<void> | undefined): Promise<void> {
    // A write that failed has told its own callers; this one tries anew.
    await before?.catch(() => undefined);
    this.#writing = this.#next;
    this.#next = undefined;
    await writeFileAtomic(this.#path, JSON.stringify(this.state, null, 1));
  }

  endpoint(workspace: string, name: string): EndpointRecord | undefined {
    return this.state.endpoints[endpointKey(workspace, name)];
  }

  deployment(workspace: string, endpoint: string, name: string): DeploymentRecord | undefined {
    const record = this.endpoint(workspace, endpoint);
    return record && deploymentOf(record, name);
  }
}

/** Names come from callers: `constructor` is one that a deployment may have, and that every object knows. */
export function deploymentOf(endpoint: EndpointRecord, name: string): DeploymentRecord | undefined {
  const key = name.toLowerCase();
  return Object.hasOwn(endpoint.deployments, key) ? endpoint.deployments[key] : undefined;
}

export function endpointKey(workspace: string, name: string): string {
  return `${workspace}/${name}`.toLowerCase();
}

/** Asset names and versions are told apart by case nowhere in ARM. */
export function assetKey(workspace: string, kind: string, name: string, version: string): string {
  return `${workspace}/${kind}/${name}/${version}`.toLowerCase();
}

function emptyState(): HostState {
  return {
    version: 1,
    id: randomBytes(8).toString('hex'),
    ports: { arm: 0, gateway: 0, gatewayTls: 0, admin: 0 },
    envoy: null,
    endpoints: {},
    operations: {},
    assets: {},
    autoscale: {},
  };
}

/** For reading only, e.g. by `stop`. @throws when the text is not a state that this version reads. */
export function parseState(path: string, text: string): HostState {
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON; move the state folder away to start afresh`, { cause: error });
  }
  const version =
    typeof state === 'object' && state !== null && 'version' in state ? state.version : undefined;
  if (version !== 1) {
    throw new Error(
      `${path} has version ${String(version)}; this host reads version 1: use the host that wrote it`,
    );
  }
  const known = state as HostState;
  // Hosts before this one had none.
  known.assets ??= {};
  known.autoscale ??= {};
  return known;
}
