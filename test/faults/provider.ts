import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Endpoints, TargetPorts } from '../../adapters/ports.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import type { Plan, Step } from '../../core/plan.js';
import { CREATE, CUTOVER, DELETE_BASELINE, errorsGate, planOf, rampStep, SMOKE } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';
import { FaultProxy, FAULTS, type Call, type Fault, type Service } from './fault-proxy.js';

const BLUE = { live: { blue: 100 }, mirror: {} };
/** A conflict costs five seconds each time. */
const PATIENT_CREATE: Step = { ...CREATE, readyWithinMs: 60_000 } as Step;
const GREEN = { live: { green: 100 }, mirror: {} };
const LONG = rampStep(10, { dwell: { atLeastMs: 600_000, atMostMs: 600_000 }, gates: ['errors'] });
const SHORT = rampStep(50, {
  dwell: { atLeastMs: 200, atMostMs: 400 },
  gates: ['errors'],
  undecided: 'proceed',
});
const ABORT = { by: 'ada', reason: 'test' };

/** A service that endpoints are managed by, and how its adapter speaks to it. */
export interface Provider {
  readonly service: Service;
  /** Past the proxy. */
  readonly endpoints: Endpoints;
  /** An endpoint that blue serves alone. */
  createEndpoint(name: string): Promise<void>;
  deployment(name: string): DeploymentSpec;
  /** The adapter behind the proxy, with a second's patience. */
  through(proxy: FaultProxy): Promise<TargetPorts>;
  stop(): Promise<void>;
}

export interface ProviderFacts {
  /** Each of these meets the fault when an endpoint's rollout is promoted. */
  readonly methods: readonly string[];
  /** Whether a call writes shares. */
  isWrite(call: Call): boolean;
  /** What is said of a write that gets a 500. */
  readonly refusal: RegExp;
  /** Whether reading may lag behind what was written for long, and writing by what was read then goes through. */
  readonly lags: boolean;
}

/** What has to hold whatever happens to calls between the adapter and its service: the same on every target. */
export function describeProviderFaults(
  startProvider: () => Promise<Provider>,
  { methods, isWrite, refusal, lags }: ProviderFacts,
): void {
  const bench = useBench();
  let provider: Provider;
  const proxies: FaultProxy[] = [];
  let made = 0;

  beforeAll(async () => {
    provider = await startProvider();
  });

  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    await provider?.stop();
  });

  /** An endpoint that blue serves, and a rollout of green on it through a proxy of its own. */
  async function start(
    steps: readonly Step[],
    setting: { decide?: FaultProxy['decide'] } & Partial<Plan> = {},
  ) {
    const { decide, ...more } = setting;
    const endpoint = `faults-${++made}`;
    await provider.createEndpoint(endpoint);
    const proxy = await FaultProxy.start(provider.service);
    proxies.push(proxy);
    const ports = await provider.through(proxy);
    if (decide !== undefined) proxy.decide = decide;
    const plan = planOf(endpoint, steps, {
      gates: [errorsGate],
      deployment: provider.deployment('green'),
      ...more,
    });
    const rollout = await bench.start(plan, { ports: () => ports });
    const shown = async () => {
      const { traffic, deployments } = await provider.endpoints.read(endpoint);
      return { traffic, deployments: deployments.map(({ name }) => name).sort() };
    };
    return { endpoint, proxy, ports, rollout, shown };
  }

  /** As `start`, and on to where green has its share and is watched. */
  async function startOnGreen(more: Partial<Plan> = {}) {
    const started = await start([PATIENT_CREATE, LONG], more);
    await started.rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10, 60_000);
    started.proxy.calls.length = 0;
    return started;
  }

  /** The first so many writes meet these faults in turn; reading works. */
  function writes(count: number, faults: readonly Fault[]): FaultProxy['decide'] {
    let met = 0;
    return (call) => (isWrite(call) && met < count ? faults[met++ % faults.length] : undefined);
  }

  // Most of the time they wait: all at once, and those that wait longest first.
  describe.concurrent('rollback', () => {
    it('through twenty failed writes in a row ends read back', async () => {
      const { rollout, proxy, shown } = await startOnGreen();

      proxy.decide = writes(20, ['refused', '500', '429']);
      await rollout.send('abort', ABORT);
      const { type, report } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
      expect(proxy.calls.filter((call) => call.fault !== undefined)).toHaveLength(20);
      // Asked again within three seconds each time: an outage of the service is the longest part of it.
      expect(report.rollbackMs).toBeLessThan(75_000);
    });

    it('that the service does not let through in time says what is left, and a person can finish it without Temporal', async () => {
      // Long enough for one attempt to end while all the others are at it: it is what the report quotes.
      const { endpoint, rollout, proxy, ports, shown } = await startOnGreen({ rollbackWithinMs: 15_000 });

      proxy.decide = writes(Infinity, ['500']);
      await rollout.send('abort', ABORT);
      const { type, report } = await rollout.failure();

      expect(type).toBe('RollbackIncomplete');
      expect(report.left[0]).toMatch(/^set the traffic of faults-\d+ to blue 100 % \(/);
      expect(report.left[0]).toMatch(refusal);
      expect(report.left[1]).toMatch(
        /^delete the deployment green of faults-\d+ \(not before blue has its traffic/,
      );
      proxy.decide = () => undefined;
      await ports.endpoints.writeTraffic(endpoint, BLUE);
      await ports.endpoints.deleteDeployment(endpoint, 'green');
      await vi.waitFor(
        async () => expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] }),
        20_000,
      );
    });

    it.runIf(lags)(
      'waits half a minute for a service that shows the old shares for so long, and writes once',
      async () => {
        const { rollout, proxy, shown } = await startOnGreen();

        proxy.lateMs = 30_000;
        proxy.decide = writes(1, ['late']);
        await rollout.send('abort', ABORT);
        const { type, report } = await rollout.failure();

        expect(type).toBe('Aborted');
        expect(report.rollbackMs).toBeGreaterThan(25_000);
        expect(proxy.calls.filter(isWrite)).toHaveLength(1);
        expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
      },
    );
  });

  describe.concurrent.each(FAULTS)('a service where each call in turn is %s', (fault) => {
    it('promotes all the same, and creates and deletes once', async () => {
      const steps = [PATIENT_CREATE, SMOKE, SHORT, CUTOVER, DELETE_BASELINE];
      const { rollout, proxy, shown } = await start(steps, { decide: eachOnce(fault) });
      await rollout.promoted();

      expect(await shown()).toEqual({ traffic: GREEN, deployments: ['green'] });
      const met = proxy.calls.filter((call) => call.fault !== undefined).map(({ method }) => method);
      expect(new Set(met)).toEqual(new Set(methods));
    });

    it('rolls back all the same, and reads it back', async () => {
      const { rollout, proxy, shown } = await startOnGreen();

      proxy.decide = eachOnce(fault);
      await rollout.send('abort', ABORT);
      const { type, report } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(report.left).toEqual([]);
      expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
    });
  });
}

/** Each call that has not been heard before meets the fault, and its repetition does not. */
function eachOnce(fault: Fault): FaultProxy['decide'] {
  const heard = new Set<string>();
  return ({ method, path }) => {
    const call = `${method} ${path}`;
    if (heard.has(call)) return undefined;
    heard.add(call);
    return fault;
  };
}
