import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HostContext } from '../context.js';
import { FaultsBody } from '../faults/faults.js';
import type { DeploymentRecord } from '../state/model.js';
import { scopeOf } from './calls.js';
import { findDeployment } from './deployments.js';
import { findEndpoint } from './endpoints.js';
import { ArmError } from './errors.js';
import { parseBody } from './schemas.js';

interface Params {
  readonly endpoint: string;
  readonly deployment: string;
}
type Call = FastifyRequest<{ Params: Params }>;

/**
 * Faults on request, for rehearsals and tests: an address of the host's own, beside each deployment. Azure has nothing
 * like it, so nobody finds it by accident, and it answers only when the host was started with `--faults`.
 */
export function faultRoutes(app: FastifyInstance, context: HostContext): void {
  const path = '/onlineEndpoints/:endpoint/deployments/:deployment/faults';

  app.get<{ Params: Params }>(path, (request) => shown(find(request)));

  app.put<{ Params: Params }>(path, async (request) => {
    const deployment = find(request);
    const body = parseBody(FaultsBody, request.body);
    const port = deployment.faults?.port ?? (await context.choosePort());
    deployment.faults = { ...body, port, sinceMs: Date.now() };
    await apply('Faults set', deployment);
    return shown(deployment);
  });

  app.delete<{ Params: Params }>(path, async (request, reply) => {
    const deployment = find(request);
    if (deployment.faults?.sinceMs == null) return reply.code(204).send();
    deployment.faults = { port: deployment.faults.port, sinceMs: null };
    await apply('Faults lifted', deployment);
    return reply.code(200).send(shown(deployment));
  });

  function find({ params, armScope }: Call): DeploymentRecord {
    const endpoint = findEndpoint(context, scopeOf({ armScope }), params.endpoint);
    const deployment = findDeployment(endpoint, params.deployment);
    if (context.faultsAllowed) return deployment;
    throw new ArmError(
      403,
      'FaultsNotAllowed',
      'This host makes no faults; they are for rehearsals: start it with --faults to allow them.',
    );
  }

  async function apply(message: string, deployment: DeploymentRecord): Promise<void> {
    context.log.warn({ deployment: deployment.name, faults: shown(deployment) }, message);
    await context.store.save();
    await context.gateway.sync();
  }
}

function shown({ faults }: DeploymentRecord): Record<string, unknown> {
  const { port: _port, sinceMs, ...asked } = faults ?? { port: 0, sinceMs: null };
  return sinceMs === null ? {} : asked;
}
