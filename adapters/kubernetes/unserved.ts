import { NO_DEPLOYMENT } from '../../core/failures.js';
import { sameTraffic, type Traffic } from '../../core/traffic.js';
import type { CallOptions, WriteOptions } from '../ports.js';
import type { KubeClient } from './client.js';
import type { KubeDeployment } from './objects.js';
import { permanent } from './permanent.js';
import { answeringBehind } from './pods.js';
import { callOf, notTaken } from './route-writer.js';
import type { View } from './view.js';

/**
 * Refuses to send requests to who could not answer them.
 *
 * @throws {PortError} permanent `NoService`, `NoDeployment`, `NoReadyEndpoints`; `NotTaken` where the gateway refuses these very
 *   shares.
 */
export async function refuseUnserved(
  client: KubeClient,
  view: View,
  endpoint: string,
  traffic: Traffic,
  options: WriteOptions,
): Promise<void> {
  const call = callOf(options);
  const now = view.route.traffic(view.backends);
  for (const name of [...Object.keys(traffic.live), ...Object.keys(traffic.mirror)]) {
    const backend = view.backends.find(({ deployment }) => deployment === name);
    if (backend === undefined && now.live[name] === undefined) {
      throw permanent(
        'NoService',
        `Deployment ${name} of ${endpoint} has no Service to send traffic to; expected one with its labels in namespace ${client.namespace}`,
      );
    }
    if (backend === undefined) continue;
    // Also on the way back: its Service may outlive it, and nobody would answer while who serves now is deleted.
    if ((traffic.live[name] ?? 0) > 0 && isGone(view.deployments.get(name))) {
      throw permanent(
        NO_DEPLOYMENT,
        `The Deployment of ${name} of ${endpoint} is gone, or is being deleted, so nobody would answer the requests that Service ${backend.service} gets; bring it back`,
      );
    }
    // A rollback goes back to any other: an error by the old way is no worse than one by the new.
    const begins = (now.live[name] ?? 0) + (now.mirror[name] ?? 0) === 0;
    if (!begins || options.goesBack === true) continue;
    if ((await answeringBehind(client, backend.service, call)) === 0) {
      throw permanent(
        'NoReadyEndpoints',
        `Service ${backend.service} of deployment ${name} has no ready endpoints, so its requests would fail; expected at least one pod that its selector finds and that is ready`,
      );
    }
  }
  if (options.goesBack !== true && sameTraffic(now, traffic)) await refuseRefused(view, call);
}

/** Of shares that stand there: an attempt that ended before it put them back would be waited for in vain, with nobody served. */
async function refuseRefused({ route }: View, options: CallOptions): Promise<void> {
  const { refused = false, error } = await route.state(options);
  if (refused) throw notTaken(`the rules of ${route.title}, which have these shares already`, error);
}

function isGone(deployment: KubeDeployment | undefined): boolean {
  return deployment === undefined || deployment.metadata.deletionTimestamp !== undefined;
}
