import type { Connection, RawAnswer } from '../../../adapters/kubernetes/connection.js';
import { unlessAborted } from '../../../adapters/unless-aborted.js';

interface Stored {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    resourceVersion: string;
    generation: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: object[];
    managedFields?: object[];
    [key: string]: unknown;
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [key: string]: unknown;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown> | undefined;
}

const NS = '/namespaces/models';
export const ROUTE = `/apis/gateway.networking.k8s.io/v1${NS}/httproutes/diabetes`;
export const VIRTUAL_SERVICE = `/apis/networking.istio.io/v1${NS}/virtualservices/diabetes`;
export const GATEWAY = `/apis/gateway.networking.k8s.io/v1${NS}/gateways/door`;
export const ISTIO_GATEWAY = `/apis/networking.istio.io/v1/namespaces/ingress/gateways/door`;

/**
 * As much of an API server as faults need: objects by path, versions, generations, the one owner of a route's rules, and
 * a gateway that answers each write of a route. What real ones do, the tests against a real one show.
 */
export class FakeApiServer {
  readonly objects = new Map<string, Stored>();
  readonly asked: Asked[] = [];
  /** Whose gateway the route's is, as its status says. */
  controllerName = 'example.com/fake';
  /** Who else manages the route's rules. */
  rulesOwner: string | undefined;
  /** What the gateway says of a route that was just written. */
  gateway: (route: Stored) => {
    readonly type: string;
    readonly status: string;
    readonly reason?: string;
    readonly message?: string;
  }[] = () => [];
  /** An answer in place of the usual one. */
  fault: (asked: Asked) => RawAnswer | undefined = () => undefined;
  readonly #held = new Map<string, Promise<void>>();
  #version = 1;

  /** What was changed so far, in order, without dry runs: `PATCH services/diabetes-green`. */
  writes(): string[] {
    return this.asked
      .filter(({ method, query }) => method !== 'GET' && query.get('dryRun') === null)
      .map(({ method, path }) => `${method} ${path.split('/').slice(-2).join('/')}`);
  }

  constructor() {
    this.put('/api/v1/namespaces/models', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'models' },
    });
    this.put('/apis/gateway.networking.k8s.io/v1/gatewayclasses/fake', {
      metadata: { name: 'fake' },
      spec: { controllerName: 'example.com/fake' },
      status: {
        supportedFeatures: ['HTTPRouteRequestMirror', 'HTTPRouteRequestPercentageMirror'].map((name) => ({
          name,
        })),
      },
    });
    this.put(GATEWAY, {
      metadata: { name: 'door' },
      spec: { gatewayClassName: 'fake', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
      status: { addresses: [{ value: '127.0.0.1' }] },
    });
    this.put(ROUTE, {
      metadata: { name: 'diabetes' },
      spec: {
        parentRefs: [{ name: 'door' }],
        rules: [{ backendRefs: [{ name: 'diabetes-blue', port: 80, weight: 1 }] }],
      },
    });
    this.accept();
    this.addDeployment('blue');
  }

  /** The endpoint's route becomes a VirtualService, as a team has it before Greenlight comes. */
  routeByIstio(): void {
    this.objects.delete(ROUTE);
    this.put(ISTIO_GATEWAY, { metadata: { name: 'door' }, spec: { servers: [{ hosts: ['*.test'] }] } });
    this.put(VIRTUAL_SERVICE, {
      metadata: { name: 'diabetes' },
      spec: {
        hosts: ['diabetes.test'],
        gateways: ['ingress/door'],
        http: [{ route: [{ destination: { host: 'diabetes-blue', port: { number: 80 } } }] }],
      },
    });
  }

  get virtualService(): Stored {
    return this.objects.get(VIRTUAL_SERVICE) as Stored;
  }

  get connection(): Connection {
    return {
      server: 'https://fake:6443',
      send: async (request) => {
        const held = this.#held.get(request.path);
        if (held !== undefined) await unlessAborted(held, request.signal);
        return this.#answer(request);
      },
    };
  }

  /** @returns what lets the answers of this path come: until then whoever asks waits. */
  hold(path: string): () => void {
    let release!: () => void;
    this.#held.set(path, new Promise((resolve) => (release = resolve)));
    return () => release();
  }

  put(
    path: string,
    object: { metadata: { name: string; [key: string]: unknown }; [key: string]: unknown },
  ): Stored {
    const { metadata, ...rest } = object;
    const stored: Stored = {
      apiVersion: 'v1',
      kind: 'Thing',
      ...rest,
      metadata: { generation: 1, ...metadata, resourceVersion: String(this.#version++) },
    };
    this.objects.set(path, stored);
    return stored;
  }

  /** A deployment with one ready pod, and its Service. */
  addDeployment(name: string, ready = 1): void {
    const metadata = {
      name: `diabetes-${name}`,
      labels: { 'greenlight/endpoint': 'diabetes', 'greenlight/deployment': name },
    };
    this.put(`/apis/apps/v1${NS}/deployments/${metadata.name}`, {
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: name } },
        template: { spec: { containers: [{ name: 'model' }] } },
      },
      status: {
        observedGeneration: 1,
        replicas: 1,
        updatedReplicas: 1,
        readyReplicas: ready,
        conditions: [{ type: 'Available', status: ready > 0 ? 'True' : 'False' }],
      },
    });
    this.put(`/api/v1${NS}/services/${metadata.name}`, { metadata, spec: { ports: [{ port: 80 }] } });
    this.put(`/apis/discovery.k8s.io/v1${NS}/endpointslices/${metadata.name}`, {
      metadata: { name: metadata.name, labels: { 'kubernetes.io/service-name': metadata.name } },
      endpoints: Array.from({ length: ready }, () => ({ conditions: { ready: true } })),
    });
  }

  get route(): Stored {
    return this.objects.get(ROUTE) as Stored;
  }

  /** The gateway takes the route as it stands. */
  accept(): void {
    this.#say(['Accepted', 'ResolvedRefs'].map((type) => ({ type, status: 'True' })));
  }

  /** The gateway looks at the route as it stands again. */
  look(): void {
    const said = this.gateway(this.route);
    if (said.length === 0) this.accept();
    else this.#say(said);
  }

  #say(conditions: readonly object[]): void {
    const { route } = this;
    route.metadata.resourceVersion = String(this.#version++);
    route.status = {
      parents: [
        {
          parentRef: { name: 'door' },
          controllerName: this.controllerName,
          conditions: conditions.map((c) => ({ observedGeneration: route.metadata.generation, ...c })),
        },
      ],
    };
  }

  #answer({
    method,
    path,
    body,
  }: {
    readonly method: string;
    readonly path: string;
    readonly body?: string;
  }): RawAnswer {
    const url = new URL(path, 'https://fake');
    const asked: Asked = {
      method,
      path: url.pathname,
      query: url.searchParams,
      body: body === undefined ? undefined : (JSON.parse(body) as Record<string, unknown>),
    };
    this.asked.push(asked);
    const fault = this.fault(asked);
    if (fault !== undefined) return fault;
    switch (method) {
      case 'GET':
        return this.#get(asked);
      case 'PATCH':
        return this.#apply(asked);
      default:
        this.objects.delete(asked.path);
        return ok({ kind: 'Status' });
    }
  }

  #get({ path, query }: Asked): RawAnswer {
    const one = this.objects.get(path);
    if (one !== undefined) return ok(one);
    const wanted = (query.get('labelSelector') ?? '').split(',').filter((part) => part !== '');
    if (
      /\/(?:pods|deployments|services|httproutes|virtualservices|inferenceservices|gateways|endpointslices|horizontalpodautoscalers)$/.test(
        path,
      )
    ) {
      const items = [...this.objects]
        .filter(([at]) => at.startsWith(`${path}/`))
        .map(([, object]) => object)
        .filter(({ metadata: { labels = {} } }) =>
          wanted.every((part) => {
            const [key = '', value] = part.split('=');
            return value === undefined ? key in labels : labels[key] === value;
          }),
        );
      return ok({ items });
    }
    return status(404, 'NotFound', `${path} not found`, path.split('/').at(-1));
  }

  #apply({ path: asked, query, body = {} }: Asked): RawAnswer {
    const path = asked.replace(/\/scale$/, '');
    const patch = body as unknown as Stored;
    const old = this.objects.get(path);
    const { resourceVersion } = patch.metadata ?? {};
    if (
      old !== undefined &&
      resourceVersion !== undefined &&
      resourceVersion !== old.metadata.resourceVersion
    ) {
      return status(
        409,
        'Conflict',
        'the object has been modified; please apply your changes to the latest version',
      );
    }
    const isRoute = path === ROUTE || path === VIRTUAL_SERVICE;
    if (isRoute && this.rulesOwner !== undefined && query.get('force') !== 'true') {
      return {
        ...status(
          409,
          'Conflict',
          `Apply failed with 1 conflict: conflict with "${this.rulesOwner}": .spec.rules`,
        ),
        text: JSON.stringify({
          reason: 'Conflict',
          message: `Apply failed with 1 conflict: conflict with "${this.rulesOwner}": .spec.rules`,
          details: { causes: [{ reason: 'FieldManagerConflict', message: '', field: '.spec.rules' }] },
        }),
      };
    }
    if (query.get('dryRun') === 'All') return ok(patch);
    if (isRoute) this.rulesOwner = undefined;
    const stored = this.put(path, {
      ...old,
      ...patch,
      spec: { ...old?.spec, ...patch.spec },
      metadata: {
        ...old?.metadata,
        ...patch.metadata,
        annotations: { ...old?.metadata.annotations, ...patch.metadata?.annotations },
        generation: (old?.metadata.generation ?? 0) + 1,
      },
    });
    if (path === ROUTE) this.look();
    return ok(stored);
  }
}

function ok(body: object): RawAnswer {
  return { status: 200, headers: {}, text: JSON.stringify(body) };
}

export function status(code: number, reason: string, message: string, name?: string): RawAnswer {
  const details = name === undefined ? undefined : { name };
  return { status: code, headers: {}, text: JSON.stringify({ kind: 'Status', reason, message, details }) };
}
