import { z } from 'zod';
import { oneLine } from '../../core/one-line.js';
import { withOwnSignal } from '../own-signal.js';
import { PortError, type CallOptions } from '../ports.js';
import { NoCredential, type Connection } from './connection.js';
import { Rights } from './rights.js';
import { noCredential, notReached, notServed, refused } from './errors.js';

/** A kind of object, by where its objects are served. */
export interface Resource {
  /** `v1`, or `GROUP/VERSION`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

export const NAMESPACES = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces' } as const;
export const DEPLOYMENTS = { apiVersion: 'apps/v1', kind: 'Deployment', plural: 'deployments' } as const;
export const SERVICES = { apiVersion: 'v1', kind: 'Service', plural: 'services' } as const;
export const PODS = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' } as const;
export const SLICES = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
} as const;
export const AUTOSCALERS = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
} as const;
export const SCALED_OBJECTS = {
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  plural: 'scaledobjects',
} as const;
const GATEWAY_API = 'gateway.networking.k8s.io/v1';
export const ROUTES = { apiVersion: GATEWAY_API, kind: 'HTTPRoute', plural: 'httproutes' } as const;
export const GATEWAYS = { apiVersion: GATEWAY_API, kind: 'Gateway', plural: 'gateways' } as const;
export const GATEWAY_CLASSES = {
  apiVersion: GATEWAY_API,
  kind: 'GatewayClass',
  plural: 'gatewayclasses',
} as const;

export const INFERENCE_SERVICES = {
  apiVersion: 'serving.kserve.io/v1beta1',
  kind: 'InferenceService',
  plural: 'inferenceservices',
} as const;
const ISTIO_API = 'networking.istio.io/v1';
export const VIRTUAL_SERVICES = {
  apiVersion: ISTIO_API,
  kind: 'VirtualService',
  plural: 'virtualservices',
} as const;
export const ISTIO_GATEWAYS = { apiVersion: ISTIO_API, kind: 'Gateway', plural: 'gateways' } as const;

/** Says who wrote what, in every object's `managedFields`. */
export const FIELD_MANAGER = 'greenlight';

const Items = z.object({ items: z.array(z.unknown()) });

/** The API server answers at once, or something is wrong. */
const DEADLINE_MS = 20_000;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

interface Ask extends CallOptions {
  /** A verb phrase for messages. */
  readonly what: string;
}

/** The objects of one namespace, read and written as JSON. */
export class KubeClient {
  readonly namespace: string;
  readonly server: string;
  readonly #connection: Connection;
  readonly #deadlineMs: number;
  readonly #rights = new Rights();

  constructor(connection: Connection, namespace: string, deadlineMs = DEADLINE_MS) {
    this.#connection = connection;
    this.#deadlineMs = deadlineMs;
    this.namespace = namespace;
    this.server = connection.server;
  }

  /** @returns undefined when there is none. @throws {PortError} */
  async find<S extends z.ZodType>(
    schema: S,
    resource: Resource,
    name: string,
    ask: Ask & { readonly namespace?: string | null },
  ): Promise<z.output<S> | undefined> {
    const answer = await this.#call({
      ...ask,
      method: 'GET',
      resource,
      path: this.#path(resource, ask.namespace, name),
      may: `get ${resource.plural}`,
      missing: true,
    });
    return answer === undefined ? undefined : this.#parsed(schema, answer, ask.what);
  }

  async list<S extends z.ZodType>(
    schema: S,
    resource: Resource,
    ask: Ask & { readonly labels?: string; readonly namespace?: string | null },
  ): Promise<readonly z.output<S>[]> {
    const query = ask.labels === undefined ? '' : `?labelSelector=${encodeURIComponent(ask.labels)}`;
    const answer = await this.#call({
      ...ask,
      method: 'GET',
      resource,
      path: `${this.#path(resource, ask.namespace)}${query}`,
      may: `list ${resource.plural}`,
    });
    const { items } = this.#parsed(Items, answer ?? '', ask.what);
    return items.map((item) => this.#checked(schema, item, ask.what));
  }

  /**
   * Server-side apply by one field manager: what the manifest leaves out is not touched.
   *
   * @param ask.force - takes over what others own; without it that is a `FieldManagerConflict`.
   * @param ask.dryRun - all checks, nothing written.
   */
  async apply(
    manifest: Manifest,
    resource: Resource,
    ask: Ask & { readonly force?: boolean; readonly dryRun?: boolean; readonly manager?: string },
  ): Promise<string> {
    const query = new URLSearchParams({
      fieldManager: ask.manager ?? FIELD_MANAGER,
      force: String(ask.force ?? false),
      // A field that the server does not know is an error, and never dropped.
      fieldValidation: 'Strict',
      ...(ask.dryRun === true ? { dryRun: 'All' } : {}),
    });
    const answer = await this.#call({
      ...ask,
      method: 'PATCH',
      resource,
      path: `${this.#path(resource, undefined, manifest.metadata.name)}?${query}`,
      contentType: 'application/apply-patch+yaml',
      body: manifest,
      may: `create and patch ${resource.plural}`,
    });
    return answer ?? '';
  }

  /** Merges a few fields into an object that is there. */
  async merge(
    resource: Resource,
    name: string,
    patch: object,
    ask: Ask & { readonly subresource?: string },
  ): Promise<void> {
    const path =
      this.#path(resource, undefined, name) + (ask.subresource === undefined ? '' : `/${ask.subresource}`);
    await this.#call({
      ...ask,
      method: 'PATCH',
      resource,
      path: `${path}?fieldManager=${FIELD_MANAGER}`,
      contentType: 'application/merge-patch+json',
      body: patch,
      may: `patch ${resource.plural}${ask.subresource === undefined ? '' : `/${ask.subresource}`}`,
    });
  }

  /**
   * Ends well too when it is gone already. What it owns goes first, so that gone means gone.
   *
   * @param ask.uid - of the object that is meant: another one, made under its name since, stays. Left out: whichever.
   * @throws {PortError} transient `Outdated` for such another one.
   */
  async delete(
    resource: Resource,
    name: string,
    ask: Ask & { readonly uid?: string | undefined },
  ): Promise<void> {
    const { uid } = ask;
    await this.#call({
      ...ask,
      method: 'DELETE',
      resource,
      path: this.#path(resource, undefined, name),
      contentType: 'application/json',
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Foreground',
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      },
      may: `delete ${resource.plural}`,
      missing: true,
    });
  }

  /** The end of one container's log. */
  async podLog(pod: string, query: Readonly<Record<string, string>>, ask: Ask): Promise<string> {
    const path = `${this.#path(PODS, undefined, pod)}/log?${new URLSearchParams(query)}`;
    return (await this.#call({ ...ask, method: 'GET', resource: PODS, path, may: 'get pods/log' })) ?? '';
  }

  #path({ apiVersion, plural }: Resource, namespace: string | null | undefined, name?: string): string {
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const place = namespace === null ? '' : `/namespaces/${encodeURIComponent(namespace ?? this.namespace)}`;
    return `${group}${place}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
  }

  #parsed<S extends z.ZodType>(schema: S, text: string, what: string): z.output<S> {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = undefined;
    }
    return this.#checked(schema, value, what);
  }

  #checked<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    throw new PortError(
      `${this.server} answered something that is not as the API promises, asked to ${what}: ${oneLine(read.error.message)}; is it a Kubernetes API server?`,
      { kind: 'permanent', code: 'UnexpectedAnswer' },
    );
  }

  async #call(call: {
    readonly what: string;
    readonly method: string;
    readonly resource: Resource;
    readonly path: string;
    readonly may: string;
    readonly contentType?: string;
    readonly body?: object;
    /** 404 is an answer: undefined. */
    readonly missing?: boolean;
    readonly signal?: AbortSignal;
  }): Promise<string | undefined> {
    const answer = await withOwnSignal({ signal: call.signal, withinMs: this.#deadlineMs }, async (own) => {
      try {
        return await this.#connection.send({
          method: call.method,
          path: call.path,
          headers: {
            accept: 'application/json, */*',
            ...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
          },
          ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
          signal: own,
        });
      } catch (thrown) {
        call.signal?.throwIfAborted();
        const within = `within ${this.#deadlineMs / 1000} s`;
        if (thrown instanceof NoCredential) {
          throw noCredential(call.what, own.aborted ? new Error(`nothing came ${within}`) : thrown);
        }
        throw notReached(call.what, this.server, own.aborted ? new Error(`no answer ${within}`) : thrown);
      }
    });
    const right = `${call.may} in namespace ${this.namespace}`;
    if (answer.status >= 200 && answer.status <= 299) {
      this.#rights.granted(right);
      return answer.text;
    }
    if (answer.status === 404 && isUnserved(answer.text)) {
      throw notServed(call.what, this.server, call.resource);
    }
    if (answer.status === 404 && call.missing === true) return undefined;
    const error = refused(call.what, right, {
      status: answer.status,
      text: answer.text,
      retryAfter: answer.headers['retry-after']?.toString(),
    });
    throw this.#rights.judged(right, error);
  }
}

/** 404 of the path itself: that kind is not known here, which is no sign that an object is gone. */
function isUnserved(text: string): boolean {
  try {
    const { details } = JSON.parse(text) as { details?: { name?: string } };
    return details?.name === undefined;
  } catch {
    return true;
  }
}
