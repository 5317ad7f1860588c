import Fastify, { type FastifyInstance } from 'fastify';
import { generate } from 'selfsigned';

export interface HttpsServer {
  readonly url: string;
  /** PEM text of its certificate. */
  readonly ca: string;
  stop(): Promise<void>;
}

/** A server on a free loopback port, with a certificate of its own: ARM clients give their tokens to no other. */
export async function startHttps(routes: (app: FastifyInstance) => void): Promise<HttpsServer> {
  const pems = await generate([{ name: 'commonName', value: 'test' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  const app = Fastify({
    https: { key: pems.private, cert: pems.cert },
    forceCloseConnections: true,
  }) as unknown as FastifyInstance;
  routes(app);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url, ca: pems.cert, stop: () => app.close() };
}
