import {
  PortError,
  type AdminEndpoints,
  type CallOptions,
  type ChangeOptions,
  type EndpointSummary,
  type InvokeResult,
  type WriteOptions,
} from '../ports.js';
import { azureCapabilities, type EndpointCapabilities } from '../../core/capabilities.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import type { DeploymentState, EndpointState } from '../../core/endpoint.js';
import type { Traffic } from '../../core/traffic.js';
import { isLoopback } from '../loopback.js';
import { refuseOutdated } from '../outdated.js';
import { ArmClient, type ArmSettings } from './arm-client.js';
import { PUBLIC } from './clouds.js';
import { deploymentBody } from './deployment-body.js';
import { newEndpointBody, withTraffic, type NewEndpoint } from './endpoint-body.js';
import { isGone, waitForOperation } from './operations.js';
import { pathOf, Queries } from './queries.js';
import { DeploymentLogs, type DeploymentResource } from './resources.js';
import { Scoring, type ScoringFetch } from './scoring.js';
import { deploymentState, endpointState, resourceState } from './states.js';

export interface AzureMlSettings extends ArmSettings {
  /** Region of new endpoints. Default: the workspace's own. */
  readonly location?: string;
  /** Whether the service reads files of this machine. Default: only a service on this machine does. */
  readonly localPaths?: boolean;
  /** What an Entra token is asked for that calls an endpoint. Default: the public cloud's. */
  readonly scoringScope?: string;
  /** Sends scoring requests. Default: undici, trusting `ca`; without one, by the proxy of the environment. */
  readonly scoringFetch?: ScoringFetch;
}

/** Endpoints of Azure ML, with all that can be said of a new one. A PUT without traffic would take one out of service. */
export interface AzureMlEndpoints extends AdminEndpoints {
  createEndpoint(endpoint: NewEndpoint, options?: CallOptions): Promise<void>;
}

/** Azure ML online endpoints of one workspace, or of an endpoint host, which answers the same calls. */
export function createAzureMlEndpoints(settings: AzureMlSettings): AzureMlEndpoints {
  return new ArmEndpoints(settings);
}

class ArmEndpoints implements AzureMlEndpoints {
  readonly #arm: ArmClient;
  readonly #queries: Queries;
  readonly #scoring: Scoring;
  readonly #location: string | undefined;
  readonly #localPaths: boolean;

  constructor(settings: AzureMlSettings) {
    this.#arm = new ArmClient(settings);
    this.#queries = new Queries(this.#arm);
    this.#scoring = new Scoring({
      queries: this.#queries,
      tokenFor: (scope) => this.#arm.token(scope),
      scope: settings.scoringScope ?? PUBLIC.scoringScope,
      ca: settings.ca,
      fetch: settings.scoringFetch,
    });
    this.#location = settings.location;
    this.#localPaths = settings.localPaths ?? isLoopback(new URL(settings.baseUrl).hostname);
  }

  async read(endpoint: string, { signal }: CallOptions = {}): Promise<EndpointState> {
    const [resource, deployments] = await Promise.all([
      this.#queries.endpoint(endpoint, signal),
      this.#queries.deployments(endpoint, signal),
    ]);
    return endpointState(resource, await Promise.all(deployments.map((d) => this.#state(d, signal))));
  }

  async capabilities(endpoint: string, { signal }: CallOptions = {}): Promise<EndpointCapabilities> {
    return azureCapabilities(endpointState(await this.#queries.endpoint(endpoint, signal), []).kind);
  }

  async writeTraffic(endpoint: string, traffic: Traffic, options: WriteOptions = {}): Promise<void> {
    const { signal } = options;
    const what = `write the traffic of endpoint ${endpoint}`;
    const resource = pathOf(endpoint);
    const now = await this.#queries.endpoint(endpoint, signal);
    const body = withTraffic(now, traffic);
    // The PUT is unconditional: Azure ML's endpoints have no etag to tell that what was read is old.
    refuseOutdated(`Endpoint ${endpoint}`, endpointState(now, []).traffic, options);
    options.confirm?.();
    const answer = await this.#arm.call({
      what,
      method: 'PUT',
      at: resource,
      body,
      accept: [200, 201],
      signal,
    });
    options.taken?.();
    await waitForOperation(this.#arm, { what, resource, answer, signal });
  }

  async createDeployment(
    endpoint: string,
    deployment: DeploymentSpec,
    tags: Readonly<Record<string, string>>,
    { signal, confirm }: ChangeOptions = {},
  ): Promise<void> {
    // A deployment lives in the region of its endpoint.
    const { location } = await this.#queries.endpoint(endpoint, signal);
    const body = deploymentBody(deployment, tags, {
      location,
      workspaceId: this.#arm.workspaceId,
      localPaths: this.#localPaths,
    });
    confirm?.();
    try {
      await this.#arm.call({
        what: `create deployment ${deployment.name} of endpoint ${endpoint}`,
        method: 'PUT',
        at: pathOf(endpoint, deployment.name),
        body,
        accept: [200, 201],
        signal,
      });
    } catch (thrown) {
      if (await this.#isUnderWay(endpoint, deployment.name, tags, thrown, signal)) return;
      throw thrown;
    }
  }

  async readDeployment(
    endpoint: string,
    name: string,
    { signal }: CallOptions = {},
  ): Promise<DeploymentState | undefined> {
    const resource = await this.#queries.deployment(endpoint, name, signal);
    return resource && this.#state(resource, signal);
  }

  async deleteDeployment(endpoint: string, name: string, { signal }: CallOptions = {}): Promise<void> {
    try {
      await this.#arm.call({
        what: `delete deployment ${name} of endpoint ${endpoint}`,
        method: 'DELETE',
        at: pathOf(endpoint, name),
        accept: [200, 202, 204],
        signal,
      });
    } catch (thrown) {
      if (isGone(thrown)) return;
      if (isBusy(thrown)) {
        const resource = await this.#queries.deployment(endpoint, name, signal);
        // One that is not shown may be about to be: that there is none, the service says to who asks again.
        if (resource?.properties.provisioningState === 'Deleting') return;
      }
      throw thrown;
    }
  }

  async scale(
    endpoint: string,
    name: string,
    instances: number,
    { signal }: CallOptions = {},
  ): Promise<void> {
    await this.#arm.call({
      what: `scale deployment ${name} of endpoint ${endpoint} to ${instances} instances`,
      method: 'PATCH',
      at: pathOf(endpoint, name),
      body: { sku: { name: 'Default', capacity: instances } },
      accept: [200, 202],
      signal,
    });
  }

  async isAutoscaled(endpoint: string, name: string, { signal }: CallOptions = {}): Promise<boolean> {
    const resource = await this.#queries.deployment(endpoint, name, signal);
    if (resource?.properties.scaleSettings?.scaleType === 'TargetUtilization') return true;
    const id = `${this.#arm.workspaceId}${pathOf(endpoint, name)}`.toLowerCase();
    const settings = await this.#queries.autoscaleSettings(signal);
    return settings.some(
      ({ properties }) => properties.enabled !== false && properties.targetResourceUri?.toLowerCase() === id,
    );
  }

  invoke(
    endpoint: string,
    deployment: string,
    body: string,
    { signal }: CallOptions = {},
  ): Promise<InvokeResult> {
    return this.#scoring.invoke(endpoint, deployment, body, signal);
  }

  async logs(
    endpoint: string,
    deployment: string,
    lines: number,
    { signal }: CallOptions = {},
  ): Promise<string> {
    const logs = await this.#arm.read(DeploymentLogs, {
      what: `get the log of deployment ${deployment} of endpoint ${endpoint}`,
      method: 'POST',
      at: `${pathOf(endpoint, deployment)}/getLogs`,
      body: { containerType: 'InferenceServer', tail: lines },
      accept: [200],
      signal,
    });
    return logs.content;
  }

  async createEndpoint(endpoint: NewEndpoint, { signal }: CallOptions = {}): Promise<void> {
    const what = `create endpoint ${endpoint.name}`;
    const resource = pathOf(endpoint.name);
    let answer = await this.#arm.call({
      what: `look for endpoint ${endpoint.name}`,
      method: 'GET',
      at: resource,
      accept: [200, 404],
      signal,
    });
    if (answer.status === 404) {
      const location = endpoint.location ?? this.#location ?? (await this.#queries.location(signal));
      const body = newEndpointBody(endpoint, location);
      answer = await this.#arm.call({ what, method: 'PUT', at: resource, body, accept: [200, 201], signal });
    }
    await waitForOperation(this.#arm, { what, resource, answer, signal });
  }

  async deleteEndpoint(endpoint: string, { signal }: CallOptions = {}): Promise<void> {
    try {
      await this.#arm.call({
        what: `delete endpoint ${endpoint}`,
        method: 'DELETE',
        at: pathOf(endpoint),
        accept: [200, 202, 204],
        signal,
      });
    } catch (thrown) {
      if (!isGone(thrown)) throw thrown;
    }
  }

  async listEndpoints({ signal }: CallOptions = {}): Promise<readonly EndpointSummary[]> {
    const all = await this.#queries.endpoints(signal);
    return all.map((resource) => {
      const { name, kind, state, traffic, scoringUri } = endpointState(resource, []);
      return { name, kind, state, traffic, scoringUri };
    });
  }

  async keys(
    endpoint: string,
    { signal }: CallOptions = {},
  ): Promise<{ readonly primary: string; readonly secondary: string }> {
    const keys = await this.#queries.keys(endpoint, signal);
    return { primary: keys.primaryKey, secondary: keys.secondaryKey };
  }

  /**
   * Whether a refused creation is refused because the very same one is running: its first answer was lost, and the
   * repetition meets 409. The caller's tags tell whose it is; without any, nobody can tell.
   */
  async #isUnderWay(
    endpoint: string,
    name: string,
    tags: Readonly<Record<string, string>>,
    thrown: unknown,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    if (!isBusy(thrown) || Object.keys(tags).length === 0) return false;
    const found = await this.#queries.deployment(endpoint, name, signal);
    if (found === undefined) return false;
    const state = resourceState(found.properties.provisioningState);
    const sameTags = Object.entries(tags).every(([key, value]) => found.tags[key] === value);
    return sameTags && (state === 'creating' || state === 'updating');
  }

  async #state(resource: DeploymentResource, signal: AbortSignal | undefined): Promise<DeploymentState> {
    const failed = resourceState(resource.properties.provisioningState) === 'failed';
    return deploymentState(resource, failed ? await this.#queries.failureOf(resource, signal) : undefined);
  }
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof PortError && thrown.kind === 'throttled';
}
