import type { EndpointCapabilities } from '../../core/capabilities.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import type { DeploymentState, EndpointState } from '../../core/endpoint.js';
import { trafficText, type Traffic } from '../../core/traffic.js';
import { refuseOutdated } from '../outdated.js';
import {
  PortError,
  type AdminEndpoints,
  type Autoscaling,
  type CallOptions,
  type ChangeOptions,
  type EndpointSummary,
  type InvokeResult,
  type WriteOptions,
} from '../ports.js';
import { unlessAborted } from '../unless-aborted.js';
import { AUTOSCALERS, DEPLOYMENTS, INFERENCE_SERVICES, KubeClient, SERVICES } from './client.js';
import { autoscalerOf, createAutoscaling, deleteOwnAutoscaler } from './autoscaling.js';
import type { Connection } from './connection.js';
import {
  awaitedState,
  findInferenceService,
  inferenceServiceNameOf,
  setReplicas,
  stateByKserve,
  withoutRevisions,
} from './inference-service.js';
import { invoke, type Door } from './invoke.js';
import { manifestsOf } from './manifests.js';
import { objectName } from './names.js';
import type { KubeDeployment } from './objects.js';
import { permanent } from './permanent.js';
import { answeringBehind, logsOf, podsOf } from './pods.js';
import { callOf } from './route-writer.js';
import type { Backend, RouteChange, RouteSlots } from './router.js';
import { Routers } from './routers.js';
import { createRoute, endpointNames } from './routes.js';
import { getsAny } from './rules.js';
import { pendingOf, refuseUntaken } from './pending.js';
import { deploymentState, untakenOf } from './states.js';
import { refuseSelected, refuseTaken } from './taken.js';
import { refuseUnlabelled, unlabelledOf } from './unlabelled.js';
import { refuseUnserved } from './unserved.js';
import { backendsWithGone, viewOf, type View } from './view.js';

export interface KubernetesSettings {
  readonly connection: Connection;
  readonly namespace: string;
  /** Where gateways are reached from here. Default: the address that the gateway itself says it has. */
  readonly gatewayUrl?: string;
  /** The gateway of new endpoints, `NAME` or `NAMESPACE/NAME`. Default: the only one of the namespace. */
  readonly gateway?: string;
  /** How long one call to the API server may take. Default 20 s. */
  readonly deadlineMs?: number;
}

export interface KubernetesEndpoints extends AdminEndpoints {
  slots(endpoint: string, signal?: AbortSignal): Promise<RouteSlots>;
}

/**
 * Endpoints of one namespace: an HTTPRoute of the Gateway API, and for each deployment a Deployment and a Service, found
 * by their labels (names.ts).
 */
export function createKubernetesEndpoints(settings: KubernetesSettings): {
  readonly endpoints: KubernetesEndpoints;
  readonly autoscaling: Autoscaling;
} {
  const client = new KubeClient(settings.connection, settings.namespace, settings.deadlineMs);
  const routers = new Routers(client, settings.gatewayUrl);
  return { endpoints: new RouteEndpoints(routers, settings), autoscaling: createAutoscaling(routers) };
}

/** Entries of a route keep their places while a rollout runs. */
const SLOTS_SHARED_MS = 1_000;

class RouteEndpoints implements KubernetesEndpoints {
  readonly #client: KubeClient;
  readonly #routers: Routers;
  readonly #slots = new Map<string, { readonly untilMs: number; readonly slots: Promise<RouteSlots> }>();
  readonly #settings: Pick<KubernetesSettings, 'gateway' | 'gatewayUrl'>;

  constructor(routers: Routers, settings: KubernetesSettings) {
    this.#client = routers.client;
    this.#routers = routers;
    this.#settings = settings;
  }

  async read(endpoint: string, options: CallOptions = {}): Promise<EndpointState> {
    const view = await viewOf(this.#routers, endpoint, options);
    view.route.refuseOwned();
    const [routed, deployments, door] = await Promise.all([
      view.route.state(options),
      Promise.all([...view.deployments.keys()].map((name) => this.#stateOf(view, endpoint, name, options))),
      this.#door(view, options).catch(() => undefined),
    ]);
    const unlabelled = routed.state === 'ready' ? unlabelledOf(this.#client, view, endpoint) : undefined;
    const { state, error } =
      unlabelled === undefined ? routed : { state: 'failed' as const, error: unlabelled };
    return {
      name: endpoint,
      kind: 'kubernetes',
      state,
      ...(error === undefined ? {} : { error }),
      traffic: view.route.traffic(view.backends),
      ...pendingOf(view, routed),
      deployments: deployments.filter((found) => found !== undefined),
      scoringUri:
        door === undefined ? '' : `${door.url.protocol}//${door.host ?? door.url.host}${door.url.pathname}`,
    };
  }

  async capabilities(endpoint: string, options: CallOptions = {}): Promise<EndpointCapabilities> {
    const { route } = await viewOf(this.#routers, endpoint, options);
    return route.capabilities(options);
  }

  /** Shared for a moment: a reading of the metrics asks several times. */
  slots(endpoint: string, signal?: AbortSignal): Promise<RouteSlots> {
    const last = this.#slots.get(endpoint);
    if (last !== undefined && last.untilMs > Date.now()) return unlessAborted(last.slots, signal);
    const slots = this.#askSlots(endpoint);
    this.#slots.set(endpoint, { untilMs: Date.now() + SLOTS_SHARED_MS, slots });
    slots.catch(() => this.#slots.delete(endpoint));
    return unlessAborted(slots, signal);
  }

  async #askSlots(endpoint: string): Promise<RouteSlots> {
    const { route, backends } = await viewOf(this.#routers, endpoint, {});
    return route.slots(backends);
  }

  async writeTraffic(endpoint: string, traffic: Traffic, options: WriteOptions = {}): Promise<void> {
    const call = callOf(options);
    const view = await viewOf(this.#routers, endpoint, call);
    await refuseUnserved(this.#client, view, endpoint, traffic, options);
    await this.#change(view, endpoint, { to: 'traffic', traffic }, options);
    if (options.goesBack !== true) return;
    // A gateway refuses a route for a Service that is gone, whatever its weight, and may answer 500 for the whole rule.
    const unserved = [...view.deployments.keys()].filter((name) => !view.services.has(name));
    for (const deployment of unserved)
      await this.#change(view, endpoint, { to: 'without', deployment }, { ...options, again: false });
  }

  async createDeployment(
    endpoint: string,
    spec: DeploymentSpec,
    tags: Readonly<Record<string, string>>,
    options: ChangeOptions = {},
  ): Promise<void> {
    const view = await viewOf(this.#routers, endpoint, options);
    view.route.refuseOwned();
    refuseUnlabelled(this.#client, view, endpoint, spec.name);
    const { service, workload, workloadKind, podLabels, autoscaler } = manifestsOf(endpoint, spec, tags);
    await refuseTaken(this.#client, endpoint, spec.name, [SERVICES, workloadKind], options);
    await refuseSelected(this.#client, endpoint, spec.name, podLabels, options);
    const parts = [
      [service, SERVICES],
      ...(autoscaler === undefined ? [] : [[autoscaler, AUTOSCALERS] as const]),
      [workload, workloadKind],
    ] as const;
    const ask = (kind: string) => ({
      what: `create the ${kind} of deployment ${spec.name}`,
      force: true,
      ...options,
    });
    // All or nothing: what would be refused is refused before anything is there.
    for (const [manifest, kind] of parts)
      await this.#client.apply(manifest, kind, { ...ask(kind.kind), dryRun: true });
    const make = async ([manifest, kind]: (typeof parts)[number]): Promise<void> => {
      options.confirm?.();
      await this.#client.apply(manifest, kind, ask(kind.kind));
    };
    const rest = parts.filter(([, kind]) => kind !== workloadKind);
    for (const part of rest) await make(part);
    await view.route.write(
      { to: 'deployments' },
      () => this.#backendsWith(endpoint, spec.name, options),
      options,
    );
    // Last: a deployment that is there is whole, so an attempt that was cut off before begins again.
    await make([workload, workloadKind]);
  }

  async readDeployment(
    endpoint: string,
    name: string,
    options: CallOptions = {},
  ): Promise<DeploymentState | undefined> {
    const view = await viewOf(this.#routers, endpoint, options);
    const found = await this.#stateOf(view, endpoint, name, options);
    if (found?.state !== 'ready') return found;
    const { route, backends } = view;
    const untaken = untakenOf(await route.state(options));
    if (untaken === undefined && route.isPinned(backends, name)) return found;
    return { ...found, state: 'creating', error: untaken ?? `${route.title} has no rule for its header yet` };
  }

  async deleteDeployment(endpoint: string, name: string, options: CallOptions = {}): Promise<void> {
    const look = async () => {
      const view = await viewOf(this.#routers, endpoint, options);
      const backends = await backendsWithGone(this.#client, view, endpoint, name, options);
      return { view, traffic: view.route.traffic(backends) };
    };
    const { view: before, traffic } = await look();
    // Copies to a Service that is gone reach nobody.
    const mayShow = ({ live, mirror }: Traffic) =>
      !getsAny(live, name) && !(before.services.has(name) && getsAny(mirror, name));
    if (!mayShow(traffic)) {
      throw permanent(
        'HasTraffic',
        `Deployment ${name} of ${endpoint} still gets traffic (${trafficText(traffic)}); it is not deleted. Move its traffic first`,
      );
    }
    await refuseUntaken(before, endpoint, name, options);
    await this.#change(before, endpoint, { to: 'without', deployment: name }, { ...options, mayShow });
    // A gateway may take its time for that: somebody may have gone back to it meanwhile.
    const { view, traffic: now } = await look();
    refuseOutdated(view.route.title, now, { mayShow });
    await refuseUntaken(view, endpoint, name, options);
    const what = (kind: string) => ({ what: `delete the ${kind} of deployment ${name}`, ...options });
    const deployment = view.deployments.get(name);
    const objects = deployment?.metadata.name ?? objectName(endpoint, name);
    await deleteOwnAutoscaler(this.#client, endpoint, name, objects, what('autoscaler'));
    await this.#deleteParts(view, endpoint, name, what, options);
  }

  /** What runs a deployment goes last: while it is there, an attempt that was cut off begins again. */
  async #deleteParts(
    view: View,
    endpoint: string,
    name: string,
    what: (kind: string) => { readonly what: string },
    options: CallOptions,
  ): Promise<void> {
    const service = view.services.get(name);
    if (service !== undefined && inferenceServiceNameOf(service) === undefined)
      await this.#client.delete(SERVICES, service.metadata.name, {
        ...what('Service'),
        uid: service.metadata.uid,
      });
    const deployment = view.deployments.get(name);
    const object = objectName(endpoint, name);
    const kserve =
      deployment === undefined
        ? (await awaitedState(this.#client, object, { endpoint, deployment: name }, options)) && object
        : inferenceServiceNameOf(deployment);
    if (kserve !== undefined) {
      // With all that KServe made of it: of a Deployment that is deleted alone it would make another.
      await this.#client.delete(INFERENCE_SERVICES, kserve, what('InferenceService'));
    } else if (deployment !== undefined) {
      await this.#client.delete(DEPLOYMENTS, deployment.metadata.name, {
        ...what('Deployment'),
        uid: deployment.metadata.uid,
      });
    }
  }

  async isAutoscaled(endpoint: string, name: string, options: CallOptions = {}): Promise<boolean> {
    const deployment = await this.#deployment(endpoint, name, options);
    return (await autoscalerOf(this.#client, deployment.metadata.name, options)) !== undefined;
  }

  async scale(endpoint: string, name: string, instances: number, options: CallOptions = {}): Promise<void> {
    const deployment = await this.#deployment(endpoint, name, options);
    const scaler = await autoscalerOf(this.#client, deployment.metadata.name, options);
    // Of none an autoscaler makes no more by itself: it counts on from the number that somebody sets.
    if (scaler !== undefined && deployment.spec.replicas > 0) {
      throw permanent(
        'Autoscaled',
        `Deployment ${name} of ${endpoint} is scaled by the HorizontalPodAutoscaler ${scaler.metadata.name}, which would undo any other number; change its minReplicas and maxReplicas`,
      );
    }
    const ask = { what: `scale deployment ${name} to ${instances} instances`, ...options };
    const kserve = inferenceServiceNameOf(deployment);
    // KServe leaves the number to an autoscaler that it made.
    if (kserve !== undefined && scaler === undefined)
      return setReplicas(this.#client, kserve, { min: instances }, ask);
    await this.#client.merge(
      DEPLOYMENTS,
      deployment.metadata.name,
      { spec: { replicas: instances } },
      { ...ask, subresource: 'scale' },
    );
  }

  async invoke(
    endpoint: string,
    deployment: string,
    body: string,
    options: CallOptions = {},
  ): Promise<InvokeResult> {
    const view = await viewOf(this.#routers, endpoint, options);
    const door = await this.#door(view, options);
    return invoke(door, endpoint, deployment, body, options);
  }

  async logs(
    endpoint: string,
    deployment: string,
    lines: number,
    options: CallOptions = {},
  ): Promise<string> {
    return logsOf(this.#client, await this.#deployment(endpoint, deployment, options), lines, options);
  }

  createEndpoint({ name }: { readonly name: string }, options: CallOptions = {}): Promise<void> {
    return createRoute(this.#routers, name, this.#settings.gateway, options);
  }

  async deleteEndpoint(endpoint: string, options: CallOptions = {}): Promise<void> {
    const view = await viewOf(this.#routers, endpoint, options).catch((thrown: unknown) => {
      if (thrown instanceof PortError && thrown.code === 'ResourceNotFound') return undefined;
      throw thrown;
    });
    if (view === undefined) return;
    const ask = { what: `delete endpoint ${endpoint}`, ...options };
    await this.#client.delete(view.route.resource, endpoint, ask);
    for (const [name, { metadata }] of view.deployments) {
      await deleteOwnAutoscaler(this.#client, endpoint, name, metadata.name, ask);
      await this.#deleteParts(view, endpoint, name, () => ask, options);
    }
  }

  async listEndpoints(options: CallOptions = {}): Promise<readonly EndpointSummary[]> {
    const names = await endpointNames(this.#routers, options);
    const all = await Promise.all(names.map((name) => this.read(name, options)));
    return all.map(({ name, kind, state, traffic, scoringUri }) => ({
      name,
      kind,
      state,
      traffic,
      scoringUri,
    }));
  }

  keys(endpoint: string): Promise<never> {
    return Promise.reject(
      permanent(
        'NoKeys',
        `Endpoint ${endpoint} has no keys: who may call it is its gateway's to say, by the policies of its controller; expected an endpoint of Azure ML or of the endpoint host`,
      ),
    );
  }

  #change({ route }: View, endpoint: string, change: RouteChange, options: WriteOptions): Promise<void> {
    const backends = async () => {
      const call = callOf(options);
      const view = await viewOf(this.#routers, endpoint, call);
      if (change.to !== 'without') return view.backends;
      return backendsWithGone(this.#client, view, endpoint, change.deployment, call);
    };
    return route.write(change, backends, options);
  }

  /** @throws {PortError} transient `NotShownYet`, where a Service that was just written is not among them. */
  async #backendsWith(endpoint: string, name: string, options: CallOptions): Promise<readonly Backend[]> {
    const { backends } = await viewOf(this.#routers, endpoint, options);
    if (backends.some(({ deployment }) => deployment === name)) return backends;
    throw new PortError(
      `The Service of deployment ${name} of ${endpoint} was written, and is not shown yet; it may be when asked again`,
      { kind: 'transient', code: 'NotShownYet' },
    );
  }

  #door({ route, backends }: View, options: CallOptions): Promise<Door> {
    return route.door(backends, this.#settings.gatewayUrl, options);
  }

  async #deployment(endpoint: string, name: string, options: CallOptions): Promise<KubeDeployment> {
    const { deployments } = await viewOf(this.#routers, endpoint, options);
    const found = deployments.get(name);
    if (found !== undefined) return found;
    throw permanent(
      'ResourceNotFound',
      `Endpoint ${endpoint} has no deployment ${name}; it has ${[...deployments.keys()].join(', ') || 'none'}`,
    );
  }

  async #stateOf(
    view: View,
    endpoint: string,
    name: string,
    options: CallOptions,
  ): Promise<DeploymentState | undefined> {
    const deployment = view.deployments.get(name);
    if (deployment === undefined) {
      return awaitedState(this.#client, objectName(endpoint, name), { endpoint, deployment: name }, options);
    }
    const kserve = inferenceServiceNameOf(deployment);
    const service = view.services.get(name);
    const [pods, answering, byKserve] = await Promise.all([
      podsOf(this.#client, deployment, options),
      service === undefined ? 0 : answeringBehind(this.#client, service.metadata.name, options),
      kserve === undefined ? undefined : findInferenceService(this.#client, kserve, options),
    ]);
    const state = withoutRevisions(deploymentState(name, deployment, pods, answering), deployment);
    return byKserve === undefined ? state : stateByKserve(state, byKserve);
  }
}
