import { once } from 'node:events';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AzureMlSettings } from '../../../adapters/azureml/endpoints.js';
import { startHttps, type HttpsServer } from '../https-server.js';
import { spoilAnswers, type Spoil } from '../spoilt-answers.js';

// A stand-in for Azure Resource Manager, as far as its manners go: long-running operations, conflicts while one runs,
// throttling, answers that get lost, and writes that show late. Operations end after a number of questions, not after
// a time, so that tests need no clock.

/** What a client needs to speak to it. */
export function settingsFor(arm: FakeArm): AzureMlSettings {
  return {
    baseUrl: arm.url,
    subscription: 's',
    resourceGroup: 'rg',
    workspace: 'ws',
    credential: { getToken: async () => ({ token: arm.token, expiresOnTimestamp: Date.now() + 3_600_000 }) },
    ca: arm.ca,
  };
}

type Json = Record<string, unknown>;

interface Resource {
  name: string;
  location: string;
  tags: Record<string, string>;
  sku?: { name: string; capacity: number };
  properties: Json & { provisioningState: string; properties: Record<string, string> };
  [field: string]: unknown;
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details?: readonly unknown[];
}

interface Running {
  readonly id: string;
  readonly endpoint: string;
  left: number;
  status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled';
  error?: Failure;
  finish(): void;
}

/** What goes wrong with the next request that fits. */
export interface Fault {
  readonly method: string;
  /** Part of the path. */
  readonly path: string;
  readonly answer:
    | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
    /** The connection breaks before, or after, the request was carried out. */
    | 'lost-before'
    | 'lost-after'
    | 'never';
}

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: unknown;
  /** W3C trace context, where the caller has one. */
  readonly traceparent: string | undefined;
}

export const WORKSPACE =
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/ws';
export const TOKEN = 'arm-token-1';

export class FakeArm {
  readonly endpoints = new Map<string, Resource>();
  readonly deployments = new Map<string, Resource>();
  readonly seen: Seen[] = [];
  readonly faults: Fault[] = [];
  /** Questions until an operation is over. */
  questionsPerOperation = 2;
  /** Value of Retry-After on answers that begin or follow an operation. */
  retryAfter: string | undefined = '0';
  /** Whether answers name the operation's address. */
  namesOperations = true;
  /** How the next operation ends. */
  nextFailure: Failure | undefined;
  /** Reads of an endpoint that still show its last traffic after a write is done. */
  staleReads = 0;
  pageSize = 2;
  /** Autoscale settings of Azure Monitor in its resource group. */
  readonly autoscaleSettings: Json[] = [];
  /** What becomes of an answer on its way, if anything. */
  spoil: Spoil | undefined;
  /** The only one that it takes. */
  token = TOKEN;
  key = 'key-1';
  scored: { deployment: string | undefined; body: string }[] = [];
  scoreStatus = 200;

  readonly #operations = new Map<string, Running>();
  #stale: { reads: number; traffic: unknown; mirror: unknown } | undefined;
  #server: HttpsServer | undefined;

  get url(): string {
    return this.#server?.url ?? '';
  }

  get ca(): string {
    return this.#server?.ca ?? '';
  }

  static async start(): Promise<FakeArm> {
    const fake = new FakeArm();
    fake.#server = await startHttps((app) => fake.#routes(app));
    return fake;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
  }

  calls(method: string): Seen[] {
    return this.seen.filter((s) => s.method === method);
  }

  /** An endpoint that is there from the start, with every field that a careless PUT would lose. */
  seedEndpoint(name: string, traffic: Json = {}, mirrorTraffic: Json = {}): void {
    this.endpoints.set(name, {
      id: `${WORKSPACE}/onlineEndpoints/${name}`,
      type: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
      name,
      location: 'westeurope',
      kind: 'Managed',
      tags: { team: 'risk' },
      systemData: { createdBy: 'someone' },
      identity: {
        type: 'SystemAssigned,UserAssigned',
        principalId: 'p',
        tenantId: 't',
        userAssignedIdentities: { '/ua/1': { principalId: 'p1', clientId: 'c1' } },
      },
      properties: {
        authMode: 'Key',
        description: 'Scores loans',
        publicNetworkAccess: 'Disabled',
        provisioningState: 'Succeeded',
        scoringUri: `${this.url}/score/${name}`,
        swaggerUri: `${this.url}/swagger.json`,
        compute: null,
        properties: { 'azureml.note': 'kept' },
        traffic,
        mirrorTraffic,
      },
    });
  }

  seedDeployment(endpoint: string, name: string, state = 'Succeeded', more: Partial<Resource> = {}): void {
    this.deployments.set(`${endpoint}/${name}`, {
      name,
      location: 'westeurope',
      tags: {},
      sku: { name: 'Default', capacity: 1 },
      properties: { endpointComputeType: 'Managed', provisioningState: state, properties: {} },
      ...more,
    });
  }

  #routes(app: FastifyInstance): void {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text));
    app.addHook('preHandler', async (request, reply) => this.#meet(request, reply));
    app.addHook('onSend', async (request, reply, payload) => {
      if (lostAfter.has(request)) reply.raw.destroy();
      return payload;
    });
    spoilAnswers(app, () => this.spoil);
    const at = `${WORKSPACE}/onlineEndpoints`;
    const insights = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.Insights/autoscaleSettings';
    app.get(insights, async (request) => this.#list(request, this.autoscaleSettings));
    app.get(WORKSPACE, async () => ({ name: 'ws', location: 'westeurope' }));
    app.get(at, async (request) => this.#list(request, [...this.endpoints.values()]));
    app.get(`${at}/:e`, async (request, reply) => this.#getEndpoint(request, reply));
    app.put(`${at}/:e`, async (request, reply) => this.#putEndpoint(request, reply));
    app.delete(`${at}/:e`, async (request, reply) => {
      const gone = this.endpoints.delete(names(request).e);
      return reply.status(gone ? 202 : 204).send();
    });
    app.post(`${at}/:e/listKeys`, async () => ({ primaryKey: this.key, secondaryKey: 'key-b' }));
    app.post(`${at}/:e/token`, async () => ({
      accessToken: this.key,
      tokenType: 'Bearer',
      expiryTimeUtc: 4_000_000_000,
      refreshAfterTimeUtc: 4_000_000_000,
    }));
    app.get(`${at}/:e/deployments`, async (request) => {
      const { e } = names(request);
      return this.#list(
        request,
        [...this.deployments].filter(([key]) => key.startsWith(`${e}/`)).map(([, value]) => value),
      );
    });
    app.get(`${at}/:e/deployments/:d`, async (request, reply) => {
      const { e, d } = names(request);
      this.#ask(e);
      return this.deployments.get(`${e}/${d}`) ?? notFound(reply);
    });
    app.put(`${at}/:e/deployments/:d`, async (request, reply) => this.#putDeployment(request, reply));
    app.patch(`${at}/:e/deployments/:d`, async (request, reply) => {
      const { e, d } = names(request);
      const found = this.deployments.get(`${e}/${d}`);
      if (!found) return notFound(reply);
      if (this.#busy(e)) return conflict(reply);
      Object.assign(found, parsedBody(request));
      found.properties.provisioningState = 'Updating';
      this.#begin(e, reply, () => {
        found.properties.provisioningState = 'Succeeded';
      });
      return reply.status(202).header('location', `${this.url}/results/1`).send();
    });
    app.delete(`${at}/:e/deployments/:d`, async (request, reply) => {
      const { e, d } = names(request);
      if (this.#busy(e)) return conflict(reply);
      return reply.status(this.deployments.delete(`${e}/${d}`) ? 202 : 204).send();
    });
    app.post(`${at}/:e/deployments/:d/getLogs`, async (request) => {
      const { tail } = parsedBody(request) as { tail: number };
      return { content: Array.from({ length: tail }, (_, i) => `line ${i + 1}`).join('\n') };
    });
    app.get('/operations/:id', async (request, reply) => {
      const running = this.#operations.get((request.params as { id: string }).id);
      if (!running) return notFound(reply);
      this.#ask(running.endpoint);
      if (this.retryAfter !== undefined) void reply.header('retry-after', this.retryAfter);
      return { id: running.id, status: running.status, ...(running.error ? { error: running.error } : {}) };
    });
    app.post('/score/:e', async (request, reply) => {
      if (request.headers.authorization !== `Bearer ${this.key}`) return reply.status(401).send('key?');
      const deployment = request.headers['azureml-model-deployment'];
      if (!this.deployments.has(`${(request.params as { e: string }).e}/${String(deployment)}`)) {
        return reply.status(404).send('no such deployment');
      }
      this.scored.push({
        deployment: Array.isArray(deployment) ? deployment[0] : deployment,
        body: request.body as string,
      });
      return reply.status(this.scoreStatus).send(`{"scored":true}`);
    });
  }

  /** Before each request: note it, check its token, and let faults have their way. */
  async #meet(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const url = new URL(request.url, this.url);
    const method = request.method;
    this.seen.push({
      method,
      path: url.pathname.replace(WORKSPACE, ''),
      query: url.search,
      body: parsedBody(request),
      traceparent: request.headers['traceparent'] as string | undefined,
    });
    if (!url.pathname.startsWith('/score/') && request.headers.authorization !== `Bearer ${this.token}`) {
      return reply.status(401).send({ error: { code: 'AuthenticationFailed', message: 'Bad token.' } });
    }
    const index = this.faults.findIndex((f) => f.method === method && url.pathname.includes(f.path));
    const fault = index < 0 ? undefined : this.faults.splice(index, 1)[0];
    if (fault === undefined) return undefined;
    if (fault.answer === 'lost-after') {
      lostAfter.add(request);
      return undefined;
    }
    if (fault.answer === 'lost-before') {
      request.raw.socket.destroy();
      return reply.hijack();
    }
    if (fault.answer === 'never') {
      await once(request.raw.socket, 'close');
      return reply.hijack();
    }
    return reply
      .status(fault.answer.status)
      .headers(fault.answer.headers ?? {})
      .send(fault.answer.body ?? '');
  }

  #list(request: FastifyRequest, all: readonly Json[]): Json {
    const url = new URL(request.url, this.url);
    const skip = Number(url.searchParams.get('$skip') ?? 0);
    const next = skip + this.pageSize;
    url.searchParams.set('$skip', String(next));
    return { value: all.slice(skip, next), nextLink: next < all.length ? url.href : null };
  }

  #getEndpoint(request: FastifyRequest, reply: FastifyReply): unknown {
    const { e } = names(request);
    this.#ask(e);
    const found = this.endpoints.get(e);
    if (!found) return notFound(reply);
    if (this.#stale === undefined || this.#stale.reads-- <= 0) return found;
    const { traffic, mirror } = this.#stale;
    return { ...found, properties: { ...found.properties, traffic, mirrorTraffic: mirror } };
  }

  #putEndpoint(request: FastifyRequest, reply: FastifyReply): unknown {
    const { e } = names(request);
    if (this.#busy(e)) return conflict(reply);
    const body = parsedBody(request) as Resource;
    const shares = Object.values((body.properties['traffic'] ?? {}) as Record<string, number>);
    const sum = shares.reduce((total, share) => total + share, 0);
    if (sum !== 0 && sum !== 100) {
      const error = { code: 'BadArgument', message: `The traffic adds up to ${sum}.` };
      return reply.status(400).send({ error });
    }
    const before = this.endpoints.get(e);
    const stay = {
      name: e,
      scoringUri: `${this.url}/score/${e}`,
      swaggerUri: `${this.url}/swagger.json`,
    };
    const wanted = {
      ...body,
      name: stay.name,
      properties: { ...body.properties, scoringUri: stay.scoringUri, provisioningState: 'Succeeded' },
    };
    if (this.nextFailure === undefined && before) {
      const { traffic, mirrorTraffic } = before.properties;
      this.#stale = { reads: this.staleReads, traffic, mirror: mirrorTraffic };
    }
    const state = before ? 'Updating' : 'Creating';
    const old = before ?? wanted;
    this.endpoints.set(e, { ...old, properties: { ...old.properties, provisioningState: state } });
    const failed = this.nextFailure !== undefined;
    this.#begin(e, reply, () => {
      const last = failed
        ? { ...old, properties: { ...old.properties, provisioningState: 'Failed' } }
        : wanted;
      this.endpoints.set(e, last);
    });
    return reply.status(before ? 200 : 201).send(this.endpoints.get(e));
  }

  #putDeployment(request: FastifyRequest, reply: FastifyReply): unknown {
    const { e, d } = names(request);
    if (!this.endpoints.has(e)) return notFound(reply);
    if (this.#busy(e)) return conflict(reply);
    const body = parsedBody(request) as Resource;
    const systemData = this.deployments.get(`${e}/${d}`)?.['systemData'];
    const made: Resource = {
      ...body,
      name: d,
      systemData: systemData ?? { createdAt: new Date().toISOString() },
      properties: { ...body.properties, provisioningState: 'Creating' },
    };
    this.deployments.set(`${e}/${d}`, made);
    const failed = this.nextFailure !== undefined;
    const address = this.#begin(e, reply, () => {
      made.properties.provisioningState = failed ? 'Failed' : 'Succeeded';
    });
    made.properties.properties = { ...made.properties.properties, AzureAsyncOperationUri: address };
    return reply.status(201).send(made);
  }

  #begin(endpoint: string, reply: FastifyReply, finish: () => void): string {
    const id = `op-${this.#operations.size + 1}`;
    const error = this.nextFailure;
    this.nextFailure = undefined;
    this.#operations.set(id, {
      id,
      endpoint,
      left: this.questionsPerOperation,
      status: 'InProgress',
      finish() {
        this.status = error ? 'Failed' : 'Succeeded';
        if (error) this.error = error;
        finish();
      },
    });
    const address = `${this.url}/operations/${id}?api-version=x`;
    if (this.namesOperations) void reply.header('azure-asyncoperation', address);
    if (this.retryAfter !== undefined) void reply.header('retry-after', this.retryAfter);
    return address;
  }

  /** One question about an endpoint brings its running operations nearer to their end. */
  #ask(endpoint: string): void {
    for (const running of this.#operations.values()) {
      if (running.endpoint !== endpoint || running.status !== 'InProgress') continue;
      if (--running.left <= 0) running.finish();
    }
  }

  /** Forgets all that it has, and what is under way: whoever began that and gave up would leave its endpoint busy for ever. */
  clear(): void {
    this.endpoints.clear();
    this.deployments.clear();
    this.seen.length = 0;
    for (const running of this.#operations.values()) running.status = 'Succeeded';
  }

  #busy(endpoint: string): boolean {
    return [...this.#operations.values()].some((o) => o.endpoint === endpoint && o.status === 'InProgress');
  }
}

const lostAfter = new WeakSet<FastifyRequest>();

function names(request: FastifyRequest): { e: string; d: string } {
  return request.params as { e: string; d: string };
}

function parsedBody(request: FastifyRequest): unknown {
  if (typeof request.body !== 'string' || request.body === '') return undefined;
  return JSON.parse(request.body) as unknown;
}

function notFound(reply: FastifyReply): FastifyReply {
  return reply
    .status(404)
    .header('x-ms-request-id', 'req-7')
    .send({ error: { code: 'UserError', message: 'There is no such thing.' } });
}

function conflict(reply: FastifyReply): FastifyReply {
  return reply
    .status(409)
    .header('retry-after', '3')
    .send({ error: { code: 'Conflict', message: 'Another operation is running.' } });
}
