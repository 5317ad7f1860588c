import { PortError, type CallOptions } from '../ports.js';
import { NAMESPACES, type KubeClient } from './client.js';
import { isForbidden, NOT_SERVED } from './errors.js';
import { HttpRoutes } from './http-route.js';
import { Named } from './objects.js';
import { permanent } from './permanent.js';
import type { EndpointRoute, ListedRoute, Router } from './router.js';
import { VirtualServices } from './virtual-service.js';

/** How long an endpoint is taken to have the kind of route that it had. */
const KEPT_MS = 60_000;

/** Finds the object that routes an endpoint's requests, whichever kind it is of. */
export class Routers {
  readonly client: KubeClient;
  readonly #routers: readonly Router[];
  readonly #last = new Map<string, { readonly untilMs: number; readonly router: Router }>();

  /** @param gatewayUrl - where gateways are reached from here; undefined: where they themselves say. */
  constructor(client: KubeClient, gatewayUrl: string | undefined) {
    this.client = client;
    this.#routers = [new HttpRoutes(client), new VirtualServices(client, gatewayUrl)];
  }

  /**
   * @throws {PortError} permanent `ResourceNotFound` without a route of that name, `NoNamespace`, `TwoRoutes`, or
   *   `NotServed` where the cluster knows no kind of route.
   */
  async find(endpoint: string, options: CallOptions): Promise<EndpointRoute> {
    const last = this.#last.get(endpoint);
    if (last !== undefined && last.untilMs > Date.now()) {
      const route = await last.router.find(endpoint, options);
      if (route !== undefined) return route;
    }
    this.#last.delete(endpoint);
    const asked = await this.#ask(endpoint, options);
    const [first, second] = asked.filter(({ found }) => found !== undefined);
    if (first?.found !== undefined && second?.found !== undefined) {
      throw permanent(
        'TwoRoutes',
        `Namespace ${this.client.namespace} has both ${first.found.title} and ${second.found.title}; expected one that routes the endpoint's requests. Delete or rename the other`,
      );
    }
    if (first?.found === undefined) throw await this.#noRoute(endpoint, asked, options);
    this.#last.set(endpoint, { untilMs: Date.now() + KEPT_MS, router: first.router });
    return first.found;
  }

  /** Whether there is a route of that name, of any kind that the cluster serves and that may be looked at. */
  async has(endpoint: string, options: CallOptions): Promise<boolean> {
    const asked = await this.#ask(endpoint, options);
    if (asked.some(({ found }) => found !== undefined)) return true;
    // New ones are HTTPRoutes.
    const refusal = asked[0]?.refused;
    if (refusal !== undefined) throw refusal;
    return false;
  }

  #ask(endpoint: string, options: CallOptions) {
    return Promise.all(
      this.#routers.map(async (router) => ({
        router,
        ...(await unlessRefused(() => router.find(endpoint, options))),
      })),
    );
  }

  /** Of every kind that the cluster serves and that may be listed. */
  async list(options: CallOptions): Promise<readonly ListedRoute[]> {
    const asked = await Promise.all(this.#routers.map((router) => unlessRefused(() => router.list(options))));
    const lists = asked.flatMap(({ found }) => (found === undefined ? [] : [found]));
    const refusal = asked.find(({ refused }) => refused !== undefined)?.refused;
    if (lists.length === 0 && refusal !== undefined) throw refusal;
    return lists.flat();
  }

  async #noRoute(
    endpoint: string,
    asked: readonly { readonly router: Router; readonly refused?: PortError }[],
    options: CallOptions,
  ): Promise<PortError> {
    const [first] = asked;
    // Whoever may not look may be missing just what is there; and HTTPRoutes are what most would expect.
    const denied =
      asked.find(({ refused }) => refused !== undefined && refused.code !== NOT_SERVED)?.refused ??
      first?.refused;
    const served = asked.filter(({ refused }) => refused === undefined).map(({ router }) => router.resource);
    if (served.length === 0 && denied !== undefined) return denied;
    const { client } = this;
    if (!(await hasNamespace(client, options))) {
      return permanent(
        'NoNamespace',
        `The cluster at ${client.server} has no namespace ${client.namespace}; create it, or name another as target`,
      );
    }
    const kinds = served.map(({ kind }) => `no ${kind} ${endpoint}`).join(' and ');
    const more = denied === undefined ? '' : `. What else it may have was not told: ${denied.message}`;
    return permanent(
      // What may not be looked at may be there: nobody is to take it for gone.
      denied?.code === 'Forbidden' ? denied.code : 'ResourceNotFound',
      `Namespace ${client.namespace} has ${kinds}, so there is no endpoint of that name; create it with \`greenlight endpoint create\`, or name the one that is there${more}`,
    );
  }
}

/** What is not installed, or may not be looked at, is told only when nothing else was found. */
async function unlessRefused<T>(ask: () => Promise<T>): Promise<{ found?: T; refused?: PortError }> {
  try {
    return { found: await ask() };
  } catch (thrown) {
    if (!(thrown instanceof PortError) || thrown.kind !== 'permanent') throw thrown;
    if (thrown.code !== NOT_SERVED && thrown.code !== 'Forbidden') throw thrown;
    return { refused: thrown };
  }
}

async function hasNamespace(client: KubeClient, options: CallOptions): Promise<boolean> {
  try {
    const found = await client.find(Named, NAMESPACES, client.namespace, {
      what: `look for namespace ${client.namespace}`,
      namespace: null,
      ...options,
    });
    return found !== undefined;
  } catch (thrown) {
    if (isForbidden(thrown)) return true; // it may be there
    throw thrown;
  }
}
