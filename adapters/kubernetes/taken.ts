import type { CallOptions } from '../ports.js';
import type { KubeClient, Resource } from './client.js';
import { deploymentLabels, objectName } from './names.js';
import { Named } from './objects.js';
import { permanent } from './permanent.js';

/**
 * An object of a new deployment's name that is not that deployment's would be merged into: nobody wants that.
 *
 * @throws {PortError} permanent `NameTaken`.
 */
export async function refuseTaken(
  client: KubeClient,
  endpoint: string,
  deployment: string,
  kinds: readonly Resource[],
  options: CallOptions,
): Promise<void> {
  const object = objectName(endpoint, deployment);
  const ask = { what: `look whether the name ${object} is free`, ...options };
  const wanted = Object.entries(deploymentLabels(endpoint, deployment));
  const found = await Promise.all(
    kinds.map(async (resource) => ({
      kind: resource.kind,
      labels: (await client.find(Named, resource, object, ask))?.metadata.labels,
    })),
  );
  const taken = found.find(
    ({ labels }) => labels !== undefined && wanted.some(([key, value]) => labels[key] !== value),
  );
  if (taken === undefined) return;
  throw permanent(
    'NameTaken',
    `Namespace ${client.namespace} has ${object} as ${taken.kind} already, and it does not bear the labels of deployment ${deployment} of ${endpoint}; delete it, label it, or give the new deployment another name`,
  );
}
