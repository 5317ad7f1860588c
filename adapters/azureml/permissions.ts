import { z } from 'zod';
import { ArmClient, type ArmSettings } from './arm-client.js';
import { page } from './resources.js';

const ONLINE = 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints';

/**
 * Every action that the adapters call for, by what it is for. That on autoscale settings is called for on the workspace's
 * resource group; what a role on the workspace alone says of it has no effect, and is not told apart here.
 */
export const ACTIONS: Readonly<Record<string, string>> = {
  'Microsoft.MachineLearningServices/workspaces/read': "the workspace's region, for new deployments",
  [`${ONLINE}/read`]: 'shares, state',
  [`${ONLINE}/write`]: 'shares',
  [`${ONLINE}/listKeys/action`]: 'smoke requests to an endpoint with keys',
  [`${ONLINE}/token/action`]: 'smoke requests to an endpoint with tokens',
  [`${ONLINE}/score/action`]: 'smoke requests to an endpoint with Entra tokens',
  [`${ONLINE}/deployments/read`]: 'state, instances',
  [`${ONLINE}/deployments/write`]: 'create green',
  [`${ONLINE}/deployments/delete`]: 'delete green after a rollback, blue after a promotion',
  [`${ONLINE}/deployments/getLogs/action`]: '`greenlight logs`',
  'Microsoft.Insights/metrics/read': 'the gates',
  'Microsoft.Insights/autoscaleSettings/read':
    'whether an autoscaler or a person scaled a deployment; on the resource group',
};

const Permission = z.looseObject({
  actions: z.array(z.string()).nullish(),
  notActions: z.array(z.string()).nullish(),
});
export type Permission = z.infer<typeof Permission>;

const Permissions = page(Permission);
/** Of Microsoft.Authorization. */
const API_VERSION = '2022-04-01';

/**
 * What the caller may do in a workspace, as Azure says itself; nothing is tried.
 *
 * @throws {PortError} when Azure does not answer, or does not let the caller ask.
 */
export async function readPermissions(
  settings: ArmSettings,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<readonly Permission[]> {
  const arm = new ArmClient({ ...settings, apiVersion: API_VERSION });
  const all: Permission[] = [];
  for (let at: string | null | undefined = '/providers/Microsoft.Authorization/permissions'; at;) {
    const what = 'read what this identity may do';
    const answer: z.infer<typeof Permissions> = await arm.read(Permissions, {
      what,
      method: 'GET',
      at,
      accept: [200],
      signal,
    });
    all.push(...answer.value);
    at = answer.nextLink;
  }
  return all;
}

/** Those of {@link ACTIONS} that no permission allows: each role's `notActions` take from its own `actions` only. */
export function missingActions(permissions: readonly Permission[]): readonly string[] {
  return Object.keys(ACTIONS).filter(
    (action) =>
      !permissions.some(
        ({ actions, notActions }) =>
          (actions ?? []).some((pattern) => matches(pattern, action)) &&
          !(notActions ?? []).some((pattern) => matches(pattern, action)),
      ),
  );
}

/** Azure's patterns: `*` stands for anything, and case does not count. */
function matches(pattern: string, action: string): boolean {
  const literal = pattern.split('*').map((part) => part.replace(/[.\\^$+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`, 'i').test(action);
}
