import type { FastifyInstance } from 'fastify';
import type { HostContext } from '../context.js';
import { scopeOf } from './calls.js';

/**
 * Mirrored requests by what became of both answers: an address of the host's own, beside the endpoints. Azure has nothing
 * like it.
 */
export function pairRoutes(app: FastifyInstance, context: HostContext): void {
  app.get('/mirroredPairs', (request) => context.pairs.series(scopeOf(request).workspace));
}
