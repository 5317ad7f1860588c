import type { CallOptions } from '../ports.js';
import { PortError } from '../ports.js';
import { PODS, SLICES, type KubeClient } from './client.js';
import { EndpointSlice, Pod, type KubeDeployment } from './objects.js';

/** The pods of a Deployment, by its own selector. */
export function podsOf(
  client: KubeClient,
  deployment: KubeDeployment,
  options: CallOptions,
): Promise<readonly Pod[]> {
  const labels = Object.entries(deployment.spec.selector.matchLabels).map(
    ([key, value]) => `${key}=${value}`,
  );
  return client.list(Pod, PODS, {
    what: `list the pods of deployment ${deployment.metadata.name}`,
    labels: labels.join(','),
    ...options,
  });
}

/** How many addresses behind a Service answer their readiness probe. */
export async function answeringBehind(
  client: KubeClient,
  service: string,
  options: CallOptions,
): Promise<number> {
  const slices = await client.list(EndpointSlice, SLICES, {
    what: `list the endpoints of service ${service}`,
    labels: `kubernetes.io/service-name=${service}`,
    ...options,
  });
  return slices.flatMap(({ endpoints }) => endpoints).filter(({ conditions }) => conditions?.ready ?? true)
    .length;
}

/** The newest lines of all pods of a deployment, each pod under its name. */
export async function logsOf(
  client: KubeClient,
  deployment: KubeDeployment,
  lines: number,
  options: CallOptions,
): Promise<string> {
  const container = deployment.spec.template.spec.containers[0]?.name;
  const pods = await podsOf(client, deployment, options);
  const texts = await Promise.all(
    pods.map(async ({ metadata: { name } }) => {
      const query = { tailLines: String(lines), ...(container === undefined ? {} : { container }) };
      const ask = { what: `read the log of pod ${name}`, ...options };
      const text = await client.podLog(name, query, ask).catch((thrown: unknown) => {
        // It has not started, or is gone since it was listed: the others' logs are still worth reading.
        if (thrown instanceof PortError && thrown.code !== 'Forbidden') return `${thrown.message}\n`;
        throw thrown;
      });
      return `==> pod ${name} <==\n${text}`;
    }),
  );
  return texts.join('\n');
}
