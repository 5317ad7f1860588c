import { join } from 'node:path';

/** Where things lie in the host's state folder. */
export class StatePaths {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get state(): string {
    return join(this.root, 'state.json');
  }
  get lock(): string {
    return join(this.root, 'host.lock');
  }
  /** Tells clients where the host is; there only while it listens. */
  get hostFile(): string {
    return join(this.root, 'host.json');
  }
  get tls(): string {
    return join(this.root, 'tls');
  }
  get cert(): string {
    return join(this.tls, 'cert.pem');
  }
  get key(): string {
    return join(this.tls, 'key.pem');
  }
  get token(): string {
    return join(this.root, 'token');
  }
  /** Files that clients uploaded. */
  get blobs(): string {
    return join(this.root, 'blobs');
  }
  /** What deployments did, minute by minute. */
  get metrics(): string {
    return join(this.root, 'metrics');
  }
  get gateway(): string {
    return join(this.root, 'gateway');
  }
  get bootstrap(): string {
    return join(this.gateway, 'bootstrap.json');
  }
  get clusters(): string {
    return join(this.gateway, 'clusters.json');
  }
  get routes(): string {
    return join(this.gateway, 'routes.json');
  }
  /** Listeners that come and go; those of the gateway itself are in the bootstrap. */
  get listeners(): string {
    return join(this.gateway, 'listeners.json');
  }
  /** What Envoy writes down of mirrored requests. */
  get pairsLog(): string {
    return join(this.gateway, 'pairs.log');
  }
  get envoyLog(): string {
    return join(this.gateway, 'envoy.log');
  }
  faultRoutes(name: string): string {
    return join(this.gateway, `faults-${name}.json`);
  }
  instances(service: string): string {
    return join(this.gateway, `instances-${service}.json`);
  }
  endpoint(workspace: string, endpoint: string): string {
    return join(this.root, 'endpoints', workspace, endpoint);
  }
  deployment(workspace: string, endpoint: string, deployment: string): string {
    return join(this.endpoint(workspace, endpoint), deployment);
  }
  generation(workspace: string, endpoint: string, deployment: string, generation: number): string {
    return join(this.deployment(workspace, endpoint, deployment), `generation-${generation}`);
  }
  instanceLog(workspace: string, endpoint: string, deployment: string, instance: string): string {
    return join(this.deployment(workspace, endpoint, deployment), 'logs', `${instance}.log`);
  }
}
