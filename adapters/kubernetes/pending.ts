import { PortError, type CallOptions } from '../ports.js';
import { untakenOf, type RouteState } from './states.js';
import type { View } from './view.js';

/** Why the proxies may not serve by these rules yet. */
export function pendingOf({ route, backends }: View, routed: RouteState): { readonly pending?: string } {
  const pending = untakenOf(routed) ?? route.unfinished?.(backends);
  return pending === undefined ? {} : { pending };
}

/** Rules that take a deployment's traffic away do not, until the gateway has taken them, and while a change of them is half made. */
export async function refuseUntaken(
  view: View,
  endpoint: string,
  name: string,
  options: CallOptions,
): Promise<void> {
  if (!view.services.has(name)) return;
  const { pending } = pendingOf(view, await view.route.state(options));
  if (pending === undefined) return;
  throw new PortError(
    `Deployment ${name} of ${endpoint} may still get requests, and is not deleted: ${pending}`,
    { kind: 'transient', code: 'NotTakenYet' },
  );
}
