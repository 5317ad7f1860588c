import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { unlessAborted } from '../unless-aborted.js';
import { Kubeconfig } from './kubeconfig.js';

/** One answer of the API server. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Sends one request to the API server. Throws what the connection threw, or {@link NoCredential}. */
type Send = (request: {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}) => Promise<RawAnswer>;

/** Nothing was sent: the kubeconfig's user has no credential for it. */
export class NoCredential extends Error {
  override readonly name = 'NoCredential';
}

/** So long do calls wait for one plugin; what hangs longer is left to itself, and another one is begun. */
const SHARED_FOR_MS = 60_000;

export interface Connection {
  /** Where the API server is, for messages: `https://10.0.0.1:6443`. */
  readonly server: string;
  readonly send: Send;
}

/**
 * The API server that kubectl would ask (see {@link Kubeconfig}).
 *
 * The files, exec plugins, token files and client certificates are `@kubernetes/client-node`'s business. The requests
 * are our own: its clients take neither an abort signal nor a deadline, ask for the kinds of every group first, and
 * open a connection for each call.
 *
 * @param context - one of the kubeconfig's; default its current one.
 * @throws {PortError} permanent `NoCluster`, where no kubeconfig names a cluster, or it has no such context.
 */
export function connect(context?: string): Connection {
  const kubeconfig = new Kubeconfig(context);
  const { cluster } = kubeconfig;
  const base = new URL(cluster.server);
  const agents = new Map<string, Agent>();
  const credential = shared(() => kubeconfig.credential());
  return {
    server: base.origin,
    send: async ({ method, path, headers, body, signal }) => {
      // Each time: a token, wherever it comes from, is renewed by then.
      const options = await unlessAborted(credential(), signal).catch((cause: unknown) => {
        throw whyNone(cause);
      });
      const secure = base.protocol === 'https:';
      const answer = await exchange(
        secure ? httpsRequest : httpRequest,
        {
          ...options,
          ...(secure
            ? { agent: cluster.proxyUrl === undefined ? pooled(agents, options) : options.agent }
            : { agent: undefined }),
          protocol: base.protocol,
          hostname: base.hostname.replace(/^\[|\]$/g, ''),
          port: base.port,
          path: `${base.pathname.replace(/\/$/, '')}${path}`,
          method,
          headers: {
            ...(options.headers as Record<string, string>),
            ...headers,
            // Node sends the body of a DELETE without its length otherwise, and it is taken for the next request.
            ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          },
          ...(signal === undefined ? {} : { signal }),
        },
        body,
      );
      if (answer.status === 401) kubeconfig.refused();
      return answer;
    },
  };
}

/** A parser quotes what it cannot read: of a plugin that prints its token as it is, that is the token. */
function whyNone(cause: unknown): NoCredential {
  if (cause instanceof SyntaxError) {
    return new NoCredential('what its plugin printed is not the JSON of an ExecCredential');
  }
  return new NoCredential(cause instanceof Error ? cause.message : String(cause), { cause });
}

/** A plugin knows neither a deadline nor a signal: those who ask while it runs wait for the same one. */
function shared(renew: () => Promise<RequestOptions>): () => Promise<RequestOptions> {
  let renewal: { readonly sinceMs: number; readonly options: Promise<RequestOptions> } | undefined;
  return () => {
    if (renewal === undefined || Date.now() - renewal.sinceMs > SHARED_FOR_MS) {
      const own = { sinceMs: Date.now(), options: renew() };
      const ended = () => {
        if (renewal === own) renewal = undefined;
      };
      void own.options.then(ended, ended);
      renewal = own;
    }
    return renewal.options;
  };
}

/** Connections are kept for as long as the certificates stay the same. */
function pooled(agents: Map<string, Agent>, options: RequestOptions): Agent {
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  const id = JSON.stringify([ca, cert, key, rejectUnauthorized, servername].map((part) => part?.toString()));
  const known = agents.get(id);
  if (known !== undefined) return known;
  for (const old of agents.values()) old.destroy();
  agents.clear();
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 20,
    timeout: 60_000,
    ca,
    cert,
    key,
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(servername === undefined ? {} : { servername }),
  });
  agents.set(id, agent);
  return agent;
}

function exchange(
  request: typeof httpsRequest,
  options: RequestOptions,
  body: string | undefined,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
