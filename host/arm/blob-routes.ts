import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BadBlobName, type BlobStore } from '../assets/blobs.js';
import { accountName } from '../assets/references.js';
import { whyNotSigned } from '../assets/sas.js';
import type { HostContext } from '../context.js';
import { hasCode } from '../state/atomic.js';
import type { Query } from './calls.js';

interface Params {
  readonly account: string;
  readonly container: string;
  readonly '*': string;
}
type Call = FastifyRequest<{ Params: Params; Querystring: Query; Body: Readable | undefined }>;

/** An answer in the shape of Azure's blob storage. */
class BlobError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** As in Azure: larger blobs come as blocks. */
const MAX_PUT_BYTES = 5_000 * 1024 * 1024;

const PATH = '/blobs/:account/:container/*';
const OPTIONS = { config: { signedAddress: true } };

/** The calls of blob storage that uploads of Microsoft's client consist of. Whoever has the signed address may make them. */
export function blobRoutes(app: FastifyInstance, context: HostContext): void {
  const { blobs } = context;
  // Bodies are files, whatever they call themselves; they go to disk as they come.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { bodyLimit: MAX_PUT_BYTES }, (_request, payload, done) => {
    done(null, payload);
  });
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));
  app.addHook<{ Params: Params; Querystring: Query }>('onRequest', (request, reply, done) => {
    const version = request.headers['x-ms-version'];
    if (typeof version === 'string') reply.header('x-ms-version', version);
    const { account, container } = request.params;
    const now = Date.now() / 1000;
    const why = whyNotSigned(context.uploadSecret, accountName(account), container, request.query, now);
    done(why === undefined ? undefined : new BlobError(403, 'AuthenticationFailed', `No entry: ${why}.`));
  });

  app.put<{ Params: Params; Querystring: Query; Body: Readable | undefined }>(
    PATH,
    OPTIONS,
    async (request, reply) => {
      await write(request, blobs);
      const status = request.query['comp'] === 'metadata' ? 200 : 201;
      return reply.code(status).headers(facts(new Date())).send();
    },
  );

  app.get<{ Params: Params; Querystring: Query }>(PATH, OPTIONS, async (request, reply) => {
    const { account, container, blob } = names(request.params);
    const found = await blobs.facts(account, container, blob);
    if (!found) throw missing();
    const metadata = Object.entries(found.metadata).map(([key, value]) => [`x-ms-meta-${key}`, value]);
    return reply
      .headers({ ...facts(found.modifiedAt), ...(Object.fromEntries(metadata) as object) })
      .header('x-ms-blob-type', 'BlockBlob')
      .header('content-length', found.bytes)
      .type('application/octet-stream')
      .send(blobs.read(account, container, blob));
  });
}

async function write(request: Call, blobs: BlobStore): Promise<void> {
  const { account, container, blob } = names(request.params);
  const body = request.body ?? request.raw;
  const metadata = metadataOf(request);
  switch (request.query['comp']) {
    case undefined:
      if (request.headers['x-ms-blob-type'] !== 'BlockBlob') {
        throw new BlobError(400, 'InvalidHeaderValue', 'x-ms-blob-type must be BlockBlob here.');
      }
      return blobs.put(account, container, blob, body, metadata);
    case 'metadata':
      if (!(await blobs.facts(account, container, blob))) throw missing();
      return blobs.setMetadata(account, container, blob, metadata);
    case 'block':
      return blobs.putBlock(account, container, blob, request.query['blockid'] ?? '', body);
    case 'blocklist': {
      const blocks = [...(await text(body)).matchAll(/<(?:Latest|Uncommitted)>([^<]*)</g)].map(
        ([, id]) => id!,
      );
      try {
        return await blobs.putBlockList(account, container, blob, blocks, metadata);
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
        throw new BlobError(400, 'InvalidBlockList', 'The list names a block that was not uploaded.');
      }
    }
    default:
      throw new BlobError(501, 'NotImplemented', `This host has no comp=${request.query['comp']}.`);
  }
}

function missing(): BlobError {
  return new BlobError(404, 'BlobNotFound', 'The specified blob does not exist.');
}

function names(params: Params): { account: string; container: string; blob: string } {
  return { account: accountName(params.account), container: params.container, blob: params['*'] };
}

function metadataOf(request: FastifyRequest): Record<string, string> {
  const prefix = 'x-ms-meta-';
  return Object.fromEntries(
    Object.entries(request.headers).flatMap(([key, value]) =>
      key.startsWith(prefix) && typeof value === 'string' ? [[key.slice(prefix.length), value]] : [],
    ),
  );
}

function facts(modifiedAt: Date): Record<string, string> {
  return {
    etag: `"0x${modifiedAt.getTime().toString(16).toUpperCase()}"`,
    'last-modified': modifiedAt.toUTCString(),
    'x-ms-request-server-encrypted': 'false',
  };
}

function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  const told =
    error instanceof BlobError
      ? error
      : error instanceof BadBlobName
        ? new BlobError(400, 'InvalidResourceName', error.message)
        : new BlobError(500, 'InternalError', error instanceof Error ? error.message : String(error));
  const message = told.message.replace(/[<&]/g, (sign) => (sign === '<' ? '&lt;' : '&amp;'));
  return reply
    .code(told.status)
    .header('x-ms-error-code', told.code)
    .header('x-ms-request-id', randomUUID())
    .type('application/xml')
    .send(
      `<?xml version="1.0" encoding="utf-8"?><Error><Code>${told.code}</Code><Message>${message}</Message></Error>`,
    );
}
