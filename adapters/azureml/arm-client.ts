import type { AccessToken, TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createPipelineFromOptions,
  createPipelineRequest,
  proxyPolicyName,
  tracingPolicyName,
  type HttpMethods,
  type Pipeline,
} from '@azure/core-rest-pipeline';
import { type z } from 'zod';
import { isLoopback } from '../loopback.js';
import { withOwnSignal } from '../own-signal.js';
import { unlessAborted } from '../unless-aborted.js';
import { noAnswerInTime, notReached, refused, retryAfterMs, unexpectedAnswer } from './errors.js';
import { jsonOrUndefined } from './json.js';
import { ArmErrorBody } from './resources.js';
import { askForToken, remembering } from './token.js';
import { armTracingPolicy } from './tracing-policy.js';

/** Where a workspace is, and how to speak to it. */
export interface ArmSettings {
  /** `https://management.azure.com`, or where the endpoint host listens. */
  readonly baseUrl: string;
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly workspace: string;
  readonly credential: TokenCredential;
  /** PEM text of the certificate authority, for a service with a certificate of its own. */
  readonly ca?: string;
  /** Default 2023-04-01, the oldest stable one that knows `mirrorTraffic`. */
  readonly apiVersion?: string;
  /** Longest wait for one answer, its token included, milliseconds. Default 20,000. */
  readonly deadlineMs?: number;
}

export interface ArmCall {
  /** What is asked, as a verb phrase, for messages: `read endpoint diabetes`. */
  readonly what: string;
  readonly method: HttpMethods;
  /** Path under the workspace with a leading slash, empty for itself; or an absolute address that the service gave. */
  readonly at: string;
  readonly body?: unknown;
  /** Statuses that are a yes. */
  readonly accept: readonly number[];
  /** Its answer carries a key or a token: never quoted. */
  readonly secret?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface ArmAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when the answer has no body. */
  readonly body: unknown;
  header(name: string): string | undefined;
  /** How long the service asks to wait before the next question, milliseconds. */
  readonly retryAfterMs: number | undefined;
}

const DEFAULT_API_VERSION = '2023-04-01';
/** Azure Monitor's own. */
const AUTOSCALE_API_VERSION = '2022-10-01';
const DEFAULT_DEADLINE_MS = 20_000;
/** Part of the deadline that a token may take: whoever waits for it still learns that it is what is missing. */
const TOKEN_PART = 0.75;

/**
 * A thin client of Azure Resource Manager for one workspace: authentication, deadlines, errors; no retries, because
 * whoever calls has its own, and the two would multiply.
 *
 * The published client (@azure/arm-machinelearning 2.1.1) is not used: it drops `mirrorTraffic` from every PUT.
 */
export class ArmClient {
  /** Host name and port, for messages. */
  readonly host: string;
  /** ARM id of the workspace. */
  readonly workspaceId: string;
  /** Address of the autoscale settings of Azure Monitor in the workspace's resource group. */
  readonly autoscaleSettings: string;
  readonly #base: URL;
  readonly #apiVersion: string;
  readonly #deadlineMs: number;
  readonly #credential: TokenCredential;
  readonly #remembered: ReturnType<typeof remembering>;
  readonly #pipeline: Pipeline;
  readonly #http = createDefaultHttpClient();

  constructor(settings: ArmSettings) {
    this.#base = new URL(settings.baseUrl);
    this.host = this.#base.host;
    this.#apiVersion = settings.apiVersion ?? DEFAULT_API_VERSION;
    this.#deadlineMs = settings.deadlineMs ?? DEFAULT_DEADLINE_MS;
    this.#credential = settings.credential;
    this.#remembered = remembering(settings.credential, this.#deadlineMs * TOKEN_PART);
    const group = `/subscriptions/${settings.subscription}/resourceGroups/${settings.resourceGroup}`;
    const list = new URL(`${group}/providers/Microsoft.Insights/autoscaleSettings`, this.#base);
    list.searchParams.set('api-version', AUTOSCALE_API_VERSION);
    this.autoscaleSettings = list.href;
    this.workspaceId = `${group}/providers/Microsoft.MachineLearningServices/workspaces/${settings.workspace}`;
    this.#pipeline = createPipelineFromOptions({
      retryOptions: { maxRetries: 0 },
      userAgentOptions: { userAgentPrefix: 'greenlight' },
      ...(settings.ca === undefined ? {} : { tlsOptions: { ca: settings.ca } }),
    });
    // A proxy from the environment cannot know this machine's own loopback.
    if (isLoopback(this.#base.hostname)) this.#pipeline.removePolicy({ name: proxyPolicyName });
    this.#pipeline.addPolicy(
      bearerTokenAuthenticationPolicy({
        credential: this.#remembered,
        scopes: `${this.#base.origin}/.default`,
      }),
    );
    // Ours, and not the SDK's own tracing: it needs no second instrumentation, and keeps signatures out of spans.
    this.#pipeline.removePolicy({ name: tracingPolicyName });
    this.#pipeline.addPolicy(armTracingPolicy);
  }

  /**
   * Whether an address that an answer named may be given our token: the same service, or a regional one below it.
   */
  trusts(address: string): boolean {
    if (!URL.canParse(address)) return false;
    const url = new URL(address);
    return (
      url.protocol === this.#base.protocol &&
      (url.host === this.#base.host || url.host.endsWith(`.${this.#base.host}`))
    );
  }

  /** @throws {PortError} for every answer that is not in `accept`, and for none at all. */
  async call(call: ArmCall): Promise<ArmAnswer> {
    call.signal?.throwIfAborted();
    return withOwnSignal({ signal: call.signal, withinMs: this.#deadlineMs }, async (own) => {
      try {
        return await unlessAborted(this.#send(call, own), own);
      } catch (thrown) {
        call.signal?.throwIfAborted();
        if (own.aborted) throw noAnswerInTime(call.what, this.host, this.#deadlineMs);
        throw notReached(call.what, this.host, thrown);
      }
    });
  }

  /** A token of the same identity for another service, asked for anew. @throws {PortError} `NoToken`. */
  token(scope: string): Promise<AccessToken> {
    return askForToken(this.#credential, scope, this.#deadlineMs * TOKEN_PART);
  }

  /** As {@link call}, with the answer's body checked. */
  async read<T>(schema: z.ZodType<T>, call: ArmCall): Promise<T> {
    return this.parse(schema, call.what, (await this.call(call)).body);
  }

  parse<T>(schema: z.ZodType<T>, what: string, body: unknown): T {
    const result = schema.safeParse(body);
    if (result.success) return result.data;
    const issue = result.error.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? 'the body' : issue.path.join('.');
    throw unexpectedAnswer(what, this.host, `${where}: ${issue?.message ?? 'unreadable'}`);
  }

  async #send(call: ArmCall, signal: AbortSignal): Promise<ArmAnswer> {
    const request = createPipelineRequest({
      url: this.#address(call.at),
      method: call.method,
      abortSignal: signal,
    });
    request.headers.set('Accept', 'application/json');
    if (call.body !== undefined) {
      request.headers.set('Content-Type', 'application/json');
      request.body = JSON.stringify(call.body);
    }
    const response = await this.#pipeline.sendRequest(this.#http, request);
    const text = response.bodyAsText ?? '';
    const waitMs = retryAfterMs(response.headers.get('retry-after'), Date.now());
    if (response.status === 401) this.#remembered.refused();
    if (!call.accept.includes(response.status)) {
      const error = ArmErrorBody.safeParse(jsonOrUndefined(text)).data?.error;
      throw refused({
        what: call.what,
        host: this.host,
        status: response.status,
        code: error?.code,
        message: error?.message ?? (text === '' || call.secret === true ? undefined : text),
        requestId: response.headers.get('x-ms-request-id'),
        retryAfterMs: waitMs,
      });
    }
    const body = jsonOrUndefined(text);
    if (body === undefined && text !== '') throw unexpectedAnswer(call.what, this.host, 'not JSON');
    return {
      status: response.status,
      body,
      header: (name) => response.headers.get(name),
      retryAfterMs: waitMs,
    };
  }

  #address(at: string): string {
    if (at !== '' && !at.startsWith('/')) {
      if (this.trusts(at)) return at;
      throw unexpectedAnswer('follow an address', this.host, `it names another service, ${at}`);
    }
    const url = new URL(this.workspaceId + at, this.#base);
    url.searchParams.set('api-version', this.#apiVersion);
    return url.href;
  }
}
