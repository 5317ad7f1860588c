import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACTIONS, missingActions, readPermissions } from '../../../adapters/azureml/permissions.js';
import { packageRoot } from '../../../embedded/package-root.js';
import { FakeArm, settingsFor } from './fake-arm.js';

const ONLINE_ENDPOINTS = 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints';
const PERMISSIONS = '/providers/Microsoft.Authorization/permissions';

let arm: FakeArm;
beforeEach(async () => {
  arm = await FakeArm.start();
});
afterEach(() => arm.stop());

describe('what an identity may do', () => {
  it('is asked of Azure, and not tried', async () => {
    const roles = [{ actions: ['*/read'], notActions: [] }];
    arm.faults.push({ method: 'GET', path: PERMISSIONS, answer: { status: 200, body: { value: roles } } });

    expect(await readPermissions(settingsFor(arm))).toEqual(roles);
  });

  it('is not known where Azure does not let it ask', async () => {
    arm.faults.push({ method: 'GET', path: PERMISSIONS, answer: { status: 403 } });

    await expect(readPermissions(settingsFor(arm))).rejects.toMatchObject({ kind: 'permanent' });
  });

  it.each`
    roles                                                                                                   | missing                                   | because
    ${[{ actions: ['*'] }]}                                                                                 | ${[]}                                     | ${'an owner may do everything'}
    ${[]}                                                                                                   | ${Object.keys(ACTIONS)}                   | ${'no role allows nothing'}
    ${[{ actions: ['microsoft.machinelearningservices/*'] }]}                                               | ${Object.keys(ACTIONS).filter(isMonitor)} | ${'case does not count'}
    ${[{ actions: ['*'], notActions: ['*/delete'] }]}                                                       | ${Object.keys(ACTIONS).filter(isDelete)}  | ${'a role takes back what it gave'}
    ${[{ actions: ['*'], notActions: ['*/delete'] }, { actions: ['Microsoft.MachineLearningServices/*'] }]} | ${[]}                                     | ${'another role may give what one takes back'}
    ${[{ actions: Object.keys(ACTIONS).filter((action) => !isDelete(action)) }]}                            | ${Object.keys(ACTIONS).filter(isDelete)}  | ${'each is needed by name'}
  `('lacks $missing: $because', ({ roles, missing }: { roles: []; missing: string[] }) => {
    expect(missingActions(roles)).toEqual(missing);
  });

  it.each(['Microsoft.Insights/autoscaleSettings/read', `${ONLINE_ENDPOINTS}/score/action`])(
    'is looked at for %s',
    (action) => {
      expect(missingActions([{ actions: ['*'], notActions: [action] }])).toEqual([action]);
    },
  );

  it('is told in docs/security.md action for action', async () => {
    const page = await readFile(join(packageRoot(), 'docs', 'security.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(Microsoft\.[^`]+)`\s+\| (.+?)\s*\|$/gm)].map(([, action, why]) => [
      action,
      why,
    ]);

    expect(rows).toEqual(Object.entries(ACTIONS));
  });
});

function isMonitor(action: string): boolean {
  return action.startsWith('Microsoft.Insights/');
}

function isDelete(action: string): boolean {
  return action.endsWith('/delete');
}
