import { timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { CodecError } from './errors.js';

export interface CodecServerOptions {
  readonly codec: PayloadCodec;
  /** Address to listen on; anything but loopback wants a token and TLS in front. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Addresses of Temporal UIs, as a browser names them: `https://temporal.example.com`. Other pages are refused. */
  readonly origins: readonly string[];
  /** Wanted as `Authorization: Bearer TOKEN`; null: nobody has to show one. */
  readonly token: string | null;
  /** The namespace whose payloads are decoded, by the header `X-Namespace`; null: any. */
  readonly namespace: string | null;
}

export interface CodecServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Far above what a page of history holds: Temporal's limit for one payload is 2 MB. */
const MOST_BYTES = 32 * 1024 * 1024;

/** `POST /decode` and `POST /encode`, as Temporal's UI and CLI ask for them, and `GET /healthz`. */
export async function serveCodec(options: CodecServerOptions): Promise<CodecServer> {
  const server = createServer((request, response) => {
    answer(request, options)
      .catch((error: unknown) => failure(error))
      .then((given) => send(request, response, options, given))
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly body: object | null;
}

const no = (status: number, message: string): Answer => ({ status, body: { message } });

async function answer(request: IncomingMessage, options: CodecServerOptions): Promise<Answer> {
  const { pathname } = new URL(request.url ?? '/', 'http://codec');
  if (pathname === '/healthz' && request.method === 'GET') return { status: 200, body: { ok: true } };
  // A UI may put the namespace's name before the verb, as its address for one namespace.
  const verb = /\/(encode|decode)$/.exec(pathname)?.[1];
  if (verb === undefined) return no(404, 'nothing here; there are POST /decode and POST /encode');
  const { origin } = request.headers;
  if (origin !== undefined && !options.origins.includes(origin)) {
    return no(
      403,
      `pages of ${origin} may not ask; wanted: ${options.origins.join(' or ') || 'no page at all'}`,
    );
  }
  if (request.method === 'OPTIONS') return { status: 204, body: null };
  if (request.method !== 'POST') return no(405, `${verb} is asked by POST`);
  if (options.token !== null && !isToken(request.headers.authorization, options.token)) {
    return no(401, 'wanted: the header "Authorization: Bearer TOKEN" with the token of this codec server');
  }
  const namespace = request.headers['x-namespace'];
  if (options.namespace !== null && namespace !== options.namespace) {
    return no(
      403,
      `this codec server is for the namespace "${options.namespace}" only, by the header X-Namespace`,
    );
  }
  const payloads = payloadsIn(await read(request));
  if (payloads === undefined) return no(400, 'wanted: {"payloads": [{"metadata": {…}, "data": "base64"}]}');
  const done = await (verb === 'encode' ? options.codec.encode(payloads) : options.codec.decode(payloads));
  return { status: 200, body: { payloads: done.map(toJson) } };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { origins }: CodecServerOptions,
  { status, body }: Answer,
): void {
  const { origin } = request.headers;
  const allowed = origin !== undefined && origins.includes(origin);
  response.writeHead(status, {
    // What was decoded belongs to whoever asked, and to no cache.
    'cache-control': 'no-store',
    vary: 'origin',
    ...(body === null ? {} : { 'content-type': 'application/json' }),
    ...(allowed && {
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'POST, OPTIONS',
      'access-control-allow-headers': 'authorization, content-type, x-namespace',
      'access-control-max-age': '600',
    }),
  });
  response.end(body === null ? undefined : JSON.stringify(body));
}

class TooLong extends Error {}

function failure(error: unknown): Answer {
  if (error instanceof CodecError) return no(422, error.message);
  if (error instanceof TooLong) return no(413, `more than ${MOST_BYTES} bytes at once`);
  return no(500, 'the payloads could not be read');
}

/** In the same time wherever the texts differ. */
function isToken(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}

async function read(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new TooLong();
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    return undefined;
  }
}

interface JsonPayload {
  readonly metadata?: Readonly<Record<string, string>> | null;
  readonly data?: string | null;
}

function payloadsIn(body: unknown): Payload[] | undefined {
  const { payloads } = (body ?? {}) as { readonly payloads?: unknown };
  if (!Array.isArray(payloads) || !payloads.every(isJsonPayload)) return undefined;
  return payloads.map(({ metadata, data }) => ({
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [key, base64(value)])),
    data: base64(data ?? ''),
  }));
}

function isJsonPayload(value: unknown): value is JsonPayload {
  if (typeof value !== 'object' || value === null) return false;
  const { metadata, data } = value as JsonPayload;
  return (
    (data === undefined || data === null || typeof data === 'string') &&
    (metadata === undefined ||
      metadata === null ||
      (typeof metadata === 'object' && Object.values(metadata).every((each) => typeof each === 'string')))
  );
}

function toJson({ metadata, data }: Payload): JsonPayload {
  return {
    metadata: Object.fromEntries(
      Object.entries(metadata ?? {}).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
    data: Buffer.from(data ?? []).toString('base64'),
  };
}

function base64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}
