import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Agent, request } from 'undici';
import { type HttpsServer, startHttps } from '../adapters/https-server.js';

/**
 * What happens to one call:
 *
 * - `refused`: the connection is closed, nothing gets through;
 * - `delayed`: it gets through and is answered, after its caller's deadline;
 * - `409`, `429` (both: come back in a second), `500`: answered so, nothing gets through;
 * - `answer-lost`: it gets through, and the connection is closed instead of an answer;
 * - `late`: a write gets through, and the endpoint is shown as it was before for a while: also without what it made.
 */
export const FAULTS = ['refused', 'delayed', '409', '429', '500', 'answer-lost', 'late'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Call {
  readonly method: string;
  /** See {@link Service.pathOf}. */
  readonly path: string;
}

/** A call as it came, what was done to it, and what came of it. */
export interface MadeCall extends Call {
  readonly fault: Fault | undefined;
  /** What the service answered, whoever got to see it; undefined where nothing got through, or has so far. */
  status: number | undefined;
}

/** Names who is to answer a request to an endpoint. */
const PIN = 'azureml-model-deployment';

/** What is proxied. */
export interface Service {
  readonly url: string;
  /** PEM text of whom it is to be trusted by. */
  readonly ca: string;
  /** Its own way to refuse a call. */
  refusal(status: '409' | '429' | '500'): object;
  /** What calls that are the same go by: a path without numbers and ids. */
  pathOf(url: string): string;
  /** Whether a `late` write changes that reading this gives such an answer: 200, or 404 where there is none. */
  shows(url: string, status: number): boolean;
}

interface Shown {
  readonly status: number;
  readonly text: string;
}

/** Stands between the adapter and a service, and does to each call what the test decides. */
export class FaultProxy {
  /** Decides over each call as it comes. */
  decide: (call: Call) => Fault | undefined = () => undefined;
  readonly calls: MadeCall[] = [];
  /** How long after its caller's patience a delayed call gets through, and for how long a late write is not shown. */
  delayMs = 1_200;
  lateMs = 2_000;
  readonly #service: Service;
  readonly #agent: Agent;
  #server: HttpsServer | undefined;
  /** Answers as they were read last, and until when they are shown whatever is true. */
  readonly #shown = new Map<string, Shown>();
  #oldUntilMs = 0;
  #old = new Map<string, Shown>();

  private constructor(service: Service) {
    this.#service = service;
    this.#agent = new Agent({ connect: { ca: service.ca } });
  }

  static async start(service: Service): Promise<FaultProxy> {
    const proxy = new FaultProxy(service);
    proxy.#server = await startHttps((app: FastifyInstance) => {
      app.removeAllContentTypeParsers();
      app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => done(null, body));
      app.all('/*', (asked, reply) => proxy.#handle(asked, reply));
    });
    return proxy;
  }

  get server(): HttpsServer {
    if (this.#server === undefined) throw new Error('the proxy was not started');
    return this.#server;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.#agent.destroy();
  }

  async #handle(asked: FastifyRequest, reply: FastifyReply): Promise<void> {
    const call = { method: asked.method, path: this.#service.pathOf(asked.url) };
    const fault = this.decide(call);
    const made: MadeCall = { ...call, fault, status: undefined };
    this.calls.push(made);
    if (fault === 'refused') return hangUp(reply);
    if (fault === '409' || fault === '429' || fault === '500') {
      return void (await reply
        .code(Number(fault))
        .headers(fault === '500' ? {} : { 'retry-after': '1' })
        .send(this.#service.refusal(fault)));
    }
    if (fault === 'delayed') await sleep(this.delayMs);
    if (fault === 'late' && asked.method !== 'GET') {
      this.#old = new Map(this.#shown);
      this.#oldUntilMs = Date.now() + this.lateMs;
    }
    const answer = await this.#forward(asked);
    made.status = answer.status;
    if (fault === 'answer-lost') return hangUp(reply);
    await reply.code(answer.status).headers(answer.headers).send(answer.text);
  }

  async #forward(asked: FastifyRequest) {
    const old = Date.now() < this.#oldUntilMs ? this.#old.get(asked.url) : undefined;
    if (asked.method === 'GET' && old !== undefined) {
      return { ...old, headers: { 'content-type': 'application/json' } };
    }
    const { authorization, 'content-type': type, [PIN]: pin } = asked.headers;
    const answer = await request(new URL(asked.url, this.#service.url), {
      method: asked.method as 'GET',
      dispatcher: this.#agent,
      headers: {
        ...(authorization && { authorization }),
        ...(type && { 'content-type': type }),
        ...(pin && { [PIN]: pin }),
      },
      body: typeof asked.body === 'string' ? asked.body : null,
    });
    const text = await answer.body.text();
    const { statusCode: status } = answer;
    const isShown = asked.method === 'GET' && (status === 200 || status === 404);
    if (isShown && this.#service.shows(asked.url, status)) this.#shown.set(asked.url, { status, text });
    const headers = Object.entries(answer.headers).flatMap(([name, value]) =>
      typeof value !== 'string' ||
      /^(connection|keep-alive|content-length|transfer-encoding|date)$/.test(name)
        ? []
        : // Addresses lead through here too.
          [[name, value.replaceAll(this.#service.url, this.server.url)]],
    );
    return {
      status,
      headers: Object.fromEntries(headers) as Record<string, string>,
      text,
    };
  }
}

function hangUp(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.socket?.destroy();
}
