import { activityInfo } from '@temporalio/activity';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAzureMlEndpoints } from '../../adapters/azureml/endpoints.js';
import type { Plan, Step } from '../../core/plan.js';
import { FakeArm, settingsFor, WORKSPACE } from '../adapters/azureml/fake-arm.js';
import { sampleDeployment } from '../adapters/azureml/samples.js';
import { MemoryTarget } from '../support/memory-target.js';
import { by, CREATE, errorsGate, LONG, planOf, SMOKE } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';
import { type Call, FaultProxy, type Fault, type Service } from '../faults/fault-proxy.js';
import { type Attempt, eachOnce, inTurn, isTaken, kindOf, patienceWith, row } from '../faults/orders.js';

// What provider.test.ts has no time for, since each instance there is a real model server: a baseline of several, and who
// counts them. The service is a stand-in that keeps the contract of the real one.

// What is concurrent waits, most of its time; all at once, they would wait for each other on a busy machine.
vi.setConfig({ testTimeout: 360_000, maxConcurrency: 8 });

const PATIENT_CREATE: Step = { ...CREATE, readyWithinMs: 60_000 } as Step;
const INSTANCES = 2;

const isWrite = ({ method, path }: Call): boolean => method === 'PUT' && !path.includes('deployments');
const isScale = ({ method }: Call): boolean => method === 'PATCH';
const isAutoscaleRead = ({ path }: Call): boolean => path === '/autoscaleSettings';
const isSmoke = ({ path }: Call): boolean => path.startsWith('/score/');

const bench = useBench();
const proxies: FaultProxy[] = [];
let arm: FakeArm;
let made = 0;

beforeAll(async () => {
  arm = await FakeArm.start();
  // Addresses of further pages would lead past the proxy.
  arm.pageSize = 100;
});

afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await arm.stop();
});

interface Setting extends Partial<Plan> {
  readonly decide?: FaultProxy['decide'];
  /** What its calls will meet at the worst. */
  readonly fault?: Fault;
}

/** An endpoint that blue serves with its instances, and a rollout of green on it through a proxy of its own. */
async function start(steps: readonly Step[], { decide, fault, ...more }: Setting = {}) {
  const endpoint = `arm-${++made}`;
  arm.seedEndpoint(endpoint, { blue: 100 });
  arm.seedDeployment(endpoint, 'blue', 'Succeeded', { sku: { name: 'Default', capacity: INSTANCES } });
  const proxy = await FaultProxy.start(serviceOf(arm));
  proxies.push(proxy);
  if (decide !== undefined) proxy.decide = decide;
  const ports = { endpoints: through(proxy, patienceWith(fault)), metrics: served().ports().metrics };
  let attempt: Attempt | undefined;
  const plan = planOf(endpoint, steps, {
    gates: [errorsGate],
    deployment: sampleDeployment('green', { instanceCount: 1 }),
    // Those that get through in the end may take as long as a busy machine does.
    rollbackWithinMs: 300_000,
    ...more,
  });
  const rollout = await bench.start(plan, {
    // Asked for by each attempt of an activity as it begins.
    ports: () => {
      attempt = { activity: activityInfo().activityId, heard: new Map(), met: new Set() };
      return ports;
    },
  });
  const blue = () => arm.deployments.get(`${endpoint}/blue`);
  return {
    endpoint,
    rollout,
    proxy,
    shown: () => ({
      traffic: arm.endpoints.get(endpoint)?.properties['traffic'],
      deployments: [...arm.deployments.keys()].filter((key) => key.startsWith(`${endpoint}/`)),
      blue: blue()?.sku?.capacity,
    }),
    /** By somebody, or by an autoscaler. */
    scaleDown: () => Object.assign(blue() ?? {}, { sku: { name: 'Default', capacity: 1 } }),
    eachMeets: (fault: Fault) => {
      proxy.decide = eachOnce(
        fault,
        () => attempt,
        (call, { activity }, nth) => `${activity} ${kindOf(call)} ${nth}`,
      );
    },
  };
}

/** As `start`, and on to where green has its share and is watched. */
async function startOnGreen(more: Setting = {}) {
  const started = await start([PATIENT_CREATE, LONG], more);
  const { rollout, proxy, scaleDown } = started;
  await rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10, 120_000);
  return {
    ...started,
    /** Scales blue down where no look is taken any more: the rollback has to find it. */
    async abortAndScaleDown() {
      const { decide } = proxy;
      let isDown = false;
      proxy.decide = (call) => {
        if (isWrite(call) && !isDown) scaleDown();
        isDown ||= isWrite(call);
        return decide(call);
      };
      proxy.calls.length = 0;
      await rollout.send('abort', by);
      return rollout.failure();
    },
  };
}

const asBefore = (endpoint: string) => ({
  traffic: { blue: 100 },
  deployments: [`${endpoint}/blue`],
  blue: INSTANCES,
});

describe.concurrent('a rollback that finds its baseline scaled down', () => {
  it.each(['delayed', '409', '500', 'answer-lost', 'late'] as const)(
    'gives it its instances back through calls each of which is %s',
    async (fault) => {
      const { endpoint, proxy, shown, eachMeets, abortAndScaleDown } = await startOnGreen({ fault });

      eachMeets(fault);
      const { type, report } = await abortAndScaleDown();

      expect(type).toBe('Aborted');
      expect(report).toMatchObject({
        left: [],
        notes: [expect.stringContaining('blue got its 2 instances back')],
      });
      expect(shown()).toEqual(asBefore(endpoint));
      const met = proxy.calls.filter((call) => call.fault === fault);
      for (const is of [isWrite, isScale, isAutoscaleRead]) expect(met.some(is)).toBe(true);
    },
  );

  it.each([
    ['scale', isScale],
    ['read who else scales', isAutoscaleRead],
  ])('gives them back after twenty failed tries in a row to %s', async (_, is) => {
    const { endpoint, proxy, shown, abortAndScaleDown } = await startOnGreen();

    proxy.decide = inTurn(is, row(20));
    const { type, report } = await abortAndScaleDown();

    expect(type).toBe('Aborted');
    expect(report.left).toEqual([]);
    expect(shown()).toEqual(asBefore(endpoint));
    expect(proxy.calls.filter((call) => call.fault !== undefined)).toHaveLength(20);
  });

  it('leaves an autoscaler the number that it wants, also where the first answer of who it is gets lost', async () => {
    const { endpoint, proxy, shown, abortAndScaleDown } = await startOnGreen();
    const targetResourceUri = `${WORKSPACE}/onlineEndpoints/${endpoint}/deployments/blue`;
    arm.autoscaleSettings.push({ properties: { targetResourceUri, enabled: true } });

    proxy.decide = inTurn(isAutoscaleRead, ['answer-lost', '429']);
    const { type, report } = await abortAndScaleDown();

    expect(type).toBe('Aborted');
    expect(report).toMatchObject({ left: [], notes: [] });
    expect(shown()).toEqual({ ...asBefore(endpoint), blue: 1 });
    expect(proxy.calls.filter(isScale)).toEqual([]);
    expect(proxy.calls.filter((call) => call.fault !== undefined)).toHaveLength(2);
  });

  it('that the service lets nobody scale says so, and all the rest is taken back', async () => {
    const { endpoint, proxy, shown, abortAndScaleDown } = await startOnGreen({ rollbackWithinMs: 30_000 });

    proxy.decide = (call) => (isScale(call) ? '500' : undefined);
    const { type, report } = await abortAndScaleDown();

    expect(type).toBe('RollbackIncomplete');
    expect(report.left).toEqual([
      expect.stringMatching(
        /^scale the deployment blue of arm-\d+ to 2 instances \(.*answered 500 InternalServerError/,
      ),
    ]);
    expect(shown()).toEqual({ ...asBefore(endpoint), blue: 1 });
  });
});

it.concurrent.each(['500', 'answer-lost', 'late'] as const)(
  'a baseline that is scaled down is held for, and restored by a word, through calls each of which is %s',
  async (fault) => {
    const { rollout, proxy, shown, scaleDown, eachMeets } = await startOnGreen();

    eachMeets(fault);
    scaleDown();
    const { hold } = await rollout.until((s) => s.phase === 'held');
    await rollout.send('resolveDrift', { choice: 'restore', ...by });
    const { traffic } = await rollout.until((s) => s.phase === 'ramping');

    expect(hold).toMatchObject({ kind: 'drift', scaled: [{ deployment: 'blue', from: 2, to: 1 }] });
    expect(traffic).toEqual({ live: { blue: 90, green: 10 }, mirror: {} });
    expect(shown().blue).toBe(INSTANCES);
    const met = proxy.calls.filter((call) => call.fault === fault);
    for (const is of [isScale, isAutoscaleRead]) expect(met.some(is)).toBe(true);
    await rollout.send('abort', by);
    await rollout.failure();
  },
);

describe.concurrent('a smoke request', () => {
  const smoked = async (fault: Fault) => {
    const started = await start([PATIENT_CREATE, SMOKE], {
      fault,
      decide: inTurn(isSmoke, [fault]),
    });
    return { ...started, asked: () => started.proxy.calls.filter(isSmoke) };
  };

  it.each(['refused', 'answer-lost', 'delayed'] as const)(
    'that is %s says nothing against green',
    async (fault) => {
      const { rollout, asked } = await smoked(fault);

      await rollout.promoted();

      expect(asked()[0]?.fault).toBe(fault);
      // Those of the attempt that ended well.
      expect(asked().slice(-3).every(isTaken)).toBe(true);
    },
  );

  it.each(['409', '429', '500'] as const)('that is answered %s takes green back', async (fault) => {
    const { endpoint, rollout, asked, shown } = await smoked(fault);

    const { type, report } = await rollout.failure();

    expect(type).toBe('RolledBack');
    expect(report.reason).toMatch(`request 1 of 3 was answered ${fault} instead of 200`);
    expect(asked()).toHaveLength(1);
    expect(shown()).toEqual(asBefore(endpoint));
  });
});

function through({ server: { url, ca } }: FaultProxy, deadlineMs: number) {
  const dispatcher = new Agent({ connect: { ca } });
  return createAzureMlEndpoints({
    ...settingsFor(arm),
    baseUrl: url,
    ca,
    deadlineMs,
    scoringFetch: (address, init) => undiciFetch(address.replace(arm.url, url), { ...init, dispatcher }),
  });
}

/** Metrics of two that both do well. */
function served(): MemoryTarget {
  const target = new MemoryTarget();
  target.addDeployment('green');
  target.changeTraffic({ live: { blue: 90, green: 10 }, mirror: {} });
  return target;
}

const CODES = { '409': 'Conflict', '429': 'TooManyRequests', '500': 'InternalServerError' } as const;

function serviceOf({ url, ca }: FakeArm): Service {
  return {
    url,
    ca,
    refusal: (status) => ({ error: { code: CODES[status], message: 'by request of the test' } }),
    pathOf: (asked) => {
      const { pathname } = new URL(asked, 'https://proxy');
      return pathname
        .replace(/^\/subscriptions\/.*(\/workspaces\/ws|(?=\/autoscaleSettings$))/, '')
        .replace(/op-\d+$/, '…');
    },
    shows: (asked) => !asked.startsWith('/operations/'),
  };
}
