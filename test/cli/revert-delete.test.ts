import { beforeEach, expect, it, vi } from 'vitest';
import type { DeploymentState } from '../../core/endpoint.js';
import { failing, inFlight, MemoryTarget } from '../support/memory-target.js';
import { greenlight, stateWithTemporal } from './cli.js';

vi.mock('node:timers/promises', () => import('../support/quick-sleep.js'));
vi.mock('../../adapters/targets.js', () => ({
  createTargets: () => () => Promise.resolve(target.ports()),
}));

let target: MemoryTarget;
beforeEach(() => {
  target = new MemoryTarget();
  target.addDeployment('green');
  target.changeTraffic({ live: { blue: 90, green: 10 }, mirror: {} });
});

const BLUE = { live: { blue: 100 }, mirror: {} };
const SERVES_BLUE = 'traffic {"live":{"blue":100},"mirror":{}}';

async function revert(...options: string[]) {
  return greenlight(['revert', 'diabetes', ...options, '--state', await stateWithTemporal()]);
}

it('deletes what is named once the traffic is read back, and says so when it is gone already', async () => {
  const told = await revert('--to', 'blue', '--delete', 'green');
  const again = await revert('--to', 'blue', '--delete', 'green', '--output', 'json');

  expect(told).toMatchObject({
    code: 0,
    stdout:
      'diabetes serves blue 100 %, read back. Before: blue 90 %, green 10 %.\n' +
      'The deployment green of diabetes is deleted, read back.\n',
  });
  expect(target.writes).toEqual([SERVES_BLUE, 'delete green']);
  expect(again.code).toBe(0);
  expect(again.stderr).toContain('diabetes serves blue 100 % already; its traffic was not changed.');
  expect(JSON.parse(again.stdout)).toEqual({
    endpoint: 'diabetes',
    changed: false,
    before: BLUE,
    traffic: BLUE,
    deleted: { deployment: 'green', goneAlready: true },
  });
});

it('needs no --to where one deployment is left', async () => {
  expect((await revert('--delete', 'green')).code).toBe(0);
  const again = await revert('--delete', 'green');

  expect(again.stdout).toBe(
    'diabetes serves blue 100 % already; its traffic was not changed.\n' +
      'diabetes has no deployment green: it is gone already.\n',
  );
  expect(again.code).toBe(0);
  expect([...target.deployments.keys()]).toEqual(['blue']);
});

it.each([
  ['both may serve', { blue: 90, green: 10 }],
  ['one of them serves all', { blue: 100 }],
])('asks where the others are two, also where %s, and deletes nothing', async (_, live) => {
  target.addDeployment('grey');
  target.changeTraffic({ live: live as Record<string, number>, mirror: {} });

  const told = await revert('--delete', 'green');

  expect(told.code).toBe(11);
  expect(told.stderr).toContain('Name it with --to DEPLOYMENT.');
  expect(target.writes).toEqual([]);
});

it('refuses to delete where the traffic goes, and changes nothing', async () => {
  const told = await revert('--to', 'green', '--delete', 'green');

  expect(told).toEqual({
    code: 11,
    stdout: '',
    stderr:
      'greenlight: green is where all traffic of diabetes is to go: it is not deleted, and nothing was changed.\n' +
      'Name with --to who is to serve, and with --delete another one.\n',
  });
  expect(target.writes).toEqual([]);
});

it.each([
  ['live', { live: { blue: 50, green: 50 }, mirror: {} }, 'blue 50 %, green 50 %'],
  ['mirrored', { live: { blue: 100 }, mirror: { green: 10 } }, 'blue 100 %, mirror green 10 %'],
])('refuses to delete what somebody gives %s traffic meanwhile', async (_kind, traffic, shown) => {
  // While its requests in flight are waited for.
  target.fault = (call) => {
    if (call === 'metrics') target.changeTraffic(traffic);
    return undefined;
  };

  const told = await revert('--to', 'blue', '--delete', 'green');

  expect(told.code).toBe(11);
  expect(told.stdout).toBe('diabetes serves blue 100 %, read back. Before: blue 90 %, green 10 %.\n');
  expect(told.stderr).toContain(
    `greenlight: green of diabetes gets traffic (${shown}), and only what gets none is deleted.\n` +
      'Something else writes the traffic, a rollout for one: look at `greenlight status diabetes`, and run this again.\n',
  );
  expect(target.writes).toEqual([SERVES_BLUE]);
});

it('waits until nothing is in flight', async () => {
  target.distort = (snapshot) => inFlight(snapshot, target.looks <= 3 ? 1 : 0);

  await revert('--to', 'blue', '--delete', 'green');

  expect(target.looks).toBe(4);
  expect(target.writes).toEqual([SERVES_BLUE, 'delete green']);
});

it('waits half a minute where nobody tells what is in flight, and no longer', async () => {
  target.metricsAway = true;
  const beganMs = Date.now();

  const told = await revert('--to', 'blue', '--delete', 'green');

  expect(Date.now() - beganMs).toBeGreaterThanOrEqual(30_000);
  expect(Date.now() - beganMs).toBeLessThan(60_000);
  expect(told.code).toBe(0);
  expect(target.writes).toEqual([SERVES_BLUE, 'delete green']);
});

it('asks again where the deletion or its answer is lost, and waits until it is gone', async () => {
  target.fault = failing('deleteDeployment', 'lose-answer', 1);
  expect((await revert('--delete', 'green')).code).toBe(0);

  target.addDeployment('green');
  target.fault = (call) => {
    if (call === 'readDeployment' && target.deployments.get('green')?.state === 'deleting') {
      target.removeDeployment('green');
    }
    if (call !== 'deleteDeployment') return undefined;
    target.addDeployment('green', { state: 'deleting' } satisfies Partial<DeploymentState>);
    return 'throw-transient';
  };
  const told = await revert('--delete', 'green');

  expect(told.stdout).toContain('The deployment green of diabetes is deleted, read back.');
});

it('leaves what somebody made anew as soon as the name was free', async () => {
  target.addDeployment('green', { id: '1' });
  target.fault = (call) => {
    if (call === 'readDeployment' && target.writes.includes('delete green')) {
      target.addDeployment('green', { id: '2', state: 'creating' });
    }
    return undefined;
  };

  const told = await revert('--to', 'blue', '--delete', 'green');

  expect(told.stdout).toContain('The deployment green of diabetes is deleted, read back.');
  expect(target.writes).toEqual([SERVES_BLUE, 'delete green']);
  expect(target.deployments.get('green')).toMatchObject({ id: '2' });
});

it('says what is left when the target does not delete it', async () => {
  target.fault = (call) => (call === 'deleteDeployment' ? 'throw-permanent' : undefined);

  const told = await revert('--to', 'blue', '--delete', 'green');

  expect(told.code).toBe(11);
  expect(told.stdout).toBe('diabetes serves blue 100 %, read back. Before: blue 90 %, green 10 %.\n');
  expect(told.stderr).toContain('deleteDeployment is forbidden by request of the test');
  expect(target.deployments.has('green')).toBe(true);
});
