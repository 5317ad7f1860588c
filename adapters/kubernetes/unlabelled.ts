import type { KubeClient } from './client.js';
import { DEPLOYMENT_LABEL, ENDPOINT_LABEL, objectName } from './names.js';
import { permanent } from './permanent.js';
import type { View } from './view.js';

/** Why no deployment of an endpoint could get live traffic, and what to do; undefined: one could. */
export function unlabelledOf(
  { namespace }: KubeClient,
  { route, backends }: Pick<View, 'route' | 'backends'>,
  endpoint: string,
): string | undefined {
  const strangers = route.strangers(backends);
  if (strangers === undefined) return undefined;
  const who = strangers.length === 0 ? 'no Service' : strangers.join(', ');
  return `${route.title} leads to ${who}, and to no deployment of ${endpoint}; label the Service that it leads to, and the Deployment behind that (\`kubectl label service/NAME deployment/NAME -n ${namespace} ${ENDPOINT_LABEL}=${endpoint} ${DEPLOYMENT_LABEL}=blue\`), and where that is a subset, no Service, or one of another namespace, lead the route to a whole Service of namespace ${namespace} first`;
}

/**
 * A deployment that nobody's rule leads to would be made, never get a request, and stay. Where the route names the Service
 * that it is going to have, as after somebody has deleted that, it is its own.
 *
 * @throws {PortError} permanent `NotLabelled`.
 */
export function refuseUnlabelled(client: KubeClient, view: View, endpoint: string, deployment: string): void {
  const own = { deployment, service: objectName(endpoint, deployment), port: 0 };
  const backends = [...view.backends, own];
  const why = unlabelledOf(client, { route: view.route, backends }, endpoint);
  if (why !== undefined) throw permanent('NotLabelled', why);
}
