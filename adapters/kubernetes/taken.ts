import type { CallOptions } from '../ports.js';
import { SERVICES, type KubeClient, type Resource } from './client.js';
import { DEPLOYMENT_LABEL, deploymentLabels, ENDPOINT_LABEL, objectName } from './names.js';
import { Named, Service } from './objects.js';
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

/**
 * The Service of another deployment that finds a new one's pods sends them its clients as soon as they are ready, whatever the
 * route says: before any gate. Services that are no deployment's may find whom they like.
 *
 * @throws {PortError} permanent `SelectedByOther`.
 */
export async function refuseSelected(
  client: KubeClient,
  endpoint: string,
  deployment: string,
  podLabels: Readonly<Record<string, string>>,
  options: CallOptions,
): Promise<void> {
  const services = await client.list(Service, SERVICES, {
    what: `look which Services would find the pods of deployment ${deployment}`,
    labels: `${ENDPOINT_LABEL},${DEPLOYMENT_LABEL}`,
    ...options,
  });
  const own = Object.entries(deploymentLabels(endpoint, deployment));
  for (const { metadata, spec } of services) {
    if (own.every(([key, value]) => metadata.labels[key] === value)) continue;
    const wanted = Object.entries(spec.selector);
    if (wanted.length === 0 || wanted.some(([key, value]) => podLabels[key] !== value)) continue;
    const { [ENDPOINT_LABEL]: ofEndpoint, [DEPLOYMENT_LABEL]: other } = metadata.labels;
    const selector = wanted.map(([key, value]) => `${key}=${value}`).join(',');
    throw permanent(
      'SelectedByOther',
      `Service ${metadata.name} of deployment ${other} of ${ofEndpoint} selects pods by ${selector}, which those of deployment ${deployment} of ${endpoint} bear as well, so they would get its requests before any gate; expected a label by which each deployment's pods differ: give the new one's file another value of one of these, or narrow that Service's selector to its own pods`,
    );
  }
}
