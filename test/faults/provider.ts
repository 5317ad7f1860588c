import { activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Endpoints, TargetPorts } from '../../adapters/ports.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import type { Plan, Step } from '../../core/plan.js';
import { greenlight } from '../cli/cli.js';
import { CREATE, CUTOVER, DELETE_BASELINE, errorsGate, planOf, rampStep, SMOKE } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';
import { FaultProxy, FAULTS, type Call, type Fault, type MadeCall, type Service } from './fault-proxy.js';
import { eachOnce, inTurn, isTaken, kindOf, kindsOf, patienceWith, row, type Attempt } from './orders.js';

const BLUE = { live: { blue: 100 }, mirror: {} };
/** Each failure costs a second and more. */
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
  /** The adapter behind the proxy, whose calls wait for so long. */
  through(proxy: FaultProxy, patienceMs: number): Promise<TargetPorts>;
  /** What a command line names the target by; it goes past the proxy. */
  readonly commandLine: readonly string[];
  stop(): Promise<void>;
}

export interface ProviderFacts {
  /** What is called with when an endpoint's rollout is promoted. */
  readonly methods: readonly string[];
  /** Whether a call writes shares. */
  isWrite(call: Call): boolean;
  /** Whether a call asks for green, or for it to go. */
  isCreation(call: Call): boolean;
  isDeletion(call: Call): boolean;
  /** What a rollout does once, whatever its calls meet, and whether a call has done it. */
  readonly once: Readonly<Record<string, (call: MadeCall) => boolean>>;
  /** What is said of a write that gets a 500. */
  readonly refusal: RegExp;
  /** A step makes so many calls that only those which write shares meet the fault in each activity, the others once in a rollout. */
  readonly manyCalls: boolean;
  /** Whether reading may lag behind what was written for long, and writing by what was read then goes through. */
  readonly lags: boolean;
}

/** What has to hold whatever happens to calls between the adapter and its service: the same on every target. */
export function describeProviderFaults(
  startProvider: () => Promise<Provider>,
  { methods, isWrite, isCreation, isDeletion, once, refusal, manyCalls, lags }: ProviderFacts,
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

  /**
   * An endpoint that blue serves, and a rollout of green on it through a proxy of its own.
   *
   * @param setting.fault - what each call meets; see {@link eachOnce}.
   * @param setting.later - what some will meet; left out: what `fault` says. See {@link patienceWith}.
   * @param setting.before - what is done to the proxy before the rollout begins.
   */
  async function start(
    steps: readonly Step[],
    setting: {
      readonly fault?: Fault;
      readonly before?: (proxy: FaultProxy) => void;
      readonly later?: Fault;
    } & Partial<Plan> = {},
  ) {
    const { fault, later, before, ...more } = setting;
    const endpoint = `faults-${++made}`;
    await provider.createEndpoint(endpoint);
    const proxy = await FaultProxy.start(provider.service);
    proxies.push(proxy);
    const ports = await provider.through(proxy, patienceWith(later ?? fault));
    let attempt: Attempt | undefined;
    const eachMeets = (met: Fault): void => {
      proxy.decide = eachOnce(met, () => attempt, nameOf);
    };
    if (fault !== undefined) eachMeets(fault);
    before?.(proxy);
    const plan = planOf(endpoint, steps, {
      gates: [errorsGate],
      deployment: provider.deployment('green'),
      ...more,
    });
    const rollout = await bench.start(plan, {
      // Asked for by each attempt of an activity as it begins.
      ports: () => {
        attempt = { activity: activityInfo().activityId, heard: new Map(), met: new Set() };
        return ports;
      },
    });
    const shown = async () => {
      const { traffic, deployments } = await provider.endpoints.read(endpoint);
      return { traffic, deployments: deployments.map(({ name }) => name).sort() };
    };
    return { endpoint, proxy, ports, rollout, shown, eachMeets };
  }

  /** What of a call's place makes it one that has yet to meet the fault. */
  const nameOf = (call: Call, { activity }: Attempt, nth: number): string => {
    if (!manyCalls) return `${activity} ${kindOf(call)} ${nth}`;
    return isWrite(call) ? `${activity} ${kindOf(call)}` : kindOf(call);
  };

  /** As `start`, and on to where green has its share and is watched. */
  async function startOnGreen(more: Parameters<typeof start>[1] = {}) {
    const started = await start([PATIENT_CREATE, LONG], more);
    await started.rollout.until((s) => s.phase === 'ramping' && s.traffic?.live['green'] === 10, 60_000);
    started.proxy.calls.length = 0;
    return started;
  }

  const isMade = (call: MadeCall): boolean => isCreation(call) && isTaken(call);
  const createdLate = (proxy: FaultProxy): void => {
    proxy.lateMs = 30_000;
    proxy.decide = inTurn(isCreation, ['late']);
  };
  const isRead = ({ method }: Call): boolean => method === 'GET';

  // Most of the time they wait: all at once, and those that wait longest first.
  describe.concurrent('rollback', () => {
    // What lets a write through ends the row, whatever becomes of the answer.
    it.each(['answer-lost', 'delayed', 'late'] as const)(
      'through twenty failed writes in a row, the last of them %s, ends read back',
      async (last) => {
        const { rollout, proxy, shown } = await startOnGreen({ rollbackWithinMs: 120_000, later: last });

        proxy.decide = inTurn(isWrite, [...row(19), last]);
        await rollout.send('abort', ABORT);
        const { type, report } = await rollout.failure();

        expect(type).toBe('Aborted');
        expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
        expect(proxy.calls.filter((call) => call.fault !== undefined)).toHaveLength(20);
        // Asked again within three seconds each time, and what a busy machine adds: with the wait of other steps it were minutes.
        expect(report.rollbackMs).toBeLessThan(100_000);
      },
    );

    it('through twenty failed attempts in a row, at reading and then at writing, ends read back', async () => {
      const { rollout, proxy, shown } = await startOnGreen({ rollbackWithinMs: 120_000 });

      // The endpoint and its deployments are read at once.
      const [reads, writes] = [inTurn(isRead, row(20)), inTurn(isWrite, row(10))];
      proxy.decide = (call) => reads(call) ?? writes(call);
      await rollout.send('abort', ABORT);
      const { type } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
      const met = proxy.calls.filter((call) => call.fault !== undefined);
      expect(met.map(({ method }) => method === 'GET')).toEqual([
        ...Array<boolean>(20).fill(true),
        ...Array<boolean>(10).fill(false),
      ]);
    });

    it.runIf(!manyCalls)('through twenty failed deletions in a row ends read back', async () => {
      const { rollout, proxy, shown } = await startOnGreen({ rollbackWithinMs: 120_000 });

      proxy.decide = inTurn(isDeletion, row(20));
      await rollout.send('abort', ABORT);
      const { type, report } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(report.left).toEqual([]);
      expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
      expect(proxy.calls.filter(({ fault }) => fault !== undefined)).toHaveLength(20);
    });

    it.runIf(!manyCalls)(
      'whose deletion the service never lets through says why, and a person can finish it without Temporal',
      async () => {
        const { rollout, proxy, shown } = await startOnGreen({ rollbackWithinMs: 15_000 });

        proxy.decide = (call) => (isDeletion(call) ? '500' : undefined);
        await rollout.send('abort', ABORT);
        const { type, report } = await rollout.failure();

        expect(type).toBe('RollbackIncomplete');
        const [left = ''] = report.left;
        expect(report.left).toEqual([left]);
        const [, deletes = ''] =
          /^delete the deployment green of faults-\d+: `greenlight (.+)` \(/.exec(left) ?? [];
        expect(left).toMatch(refusal);
        expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue', 'green'] });
        const done = await greenlight([...deletes.split(' '), ...provider.commandLine]);
        expect(done.stdout).toContain('is deleted, read back.\n');
        expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
      },
    );

    it.runIf(lags)('deletes a green that was just created, and is not shown for half a minute', async () => {
      const { rollout, proxy, shown } = await start([PATIENT_CREATE, LONG], {
        before: createdLate,
      });
      await vi.waitFor(() => expect(proxy.calls.some(isMade)).toBe(true), 60_000);

      await rollout.send('abort', ABORT);
      const { type, report } = await rollout.failure();

      expect(type).toBe('Aborted');
      expect(report.left).toEqual([]);
      expect(proxy.calls.some((call) => isDeletion(call) && isTaken(call))).toBe(true);
      await vi.waitFor(
        async () => expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] }),
        20_000,
      );
    });

    it('that the service does not let through in time says what is left, and a person can finish it without Temporal', async () => {
      // Long enough for one attempt to end while all the others are at it: it is what the report quotes.
      const { endpoint, rollout, proxy, shown } = await startOnGreen({ rollbackWithinMs: 15_000 });

      proxy.decide = (call) => (isWrite(call) ? '500' : undefined);
      await rollout.send('abort', ABORT);
      const { type, report } = await rollout.failure();

      expect(type).toBe('RollbackIncomplete');
      expect(report.left[0]).toMatch(/^set the traffic of faults-\d+ to blue 100 % \(/);
      expect(report.left[0]).toMatch(refusal);
      const [, deletes = ''] =
        /^delete the deployment green of faults-\d+: `greenlight (.+)` \(not before blue has its traffic\)$/.exec(
          report.left[1] ?? '',
        ) ?? [];
      expect(deletes).toBe(`revert ${endpoint} --target host/${endpoint} --to blue --delete green`);
      const deployments = ['blue', 'green'];
      expect(await shown()).toEqual({
        traffic: { live: { blue: 90, green: 10 }, mirror: {} },
        deployments,
      });
      const told = await greenlight(['revert', endpoint, '--to', 'blue', ...provider.commandLine]);
      expect(told.stdout).toBe(
        `${endpoint} serves blue 100 %, read back. Before: blue 90 %, green 10 %. Nothing was deleted.\n`,
      );
      expect(told.code).toBe(0);
      expect(await shown()).toEqual({ traffic: BLUE, deployments });
      // The rollout knows its target by a name of the bench's own: the one given last counts.
      const done = await greenlight([...deletes.split(' '), ...provider.commandLine]);
      expect(done.stdout).toContain(`The deployment green of ${endpoint} is deleted, read back.\n`);
      expect(done.code).toBe(0);
      expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
    });

    it.runIf(lags)(
      'waits half a minute for a service that shows the old shares for so long, and writes once',
      async () => {
        const { rollout, proxy, shown } = await startOnGreen();

        proxy.lateMs = 30_000;
        proxy.decide = inTurn(isWrite, ['late']);
        await rollout.send('abort', ABORT);
        const { type, report } = await rollout.failure();

        expect(type).toBe('Aborted');
        expect(report.rollbackMs).toBeGreaterThan(25_000);
        expect(proxy.calls.filter(isWrite)).toHaveLength(1);
        expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
      },
    );
  });

  describe.concurrent('a step', () => {
    it.runIf(lags)(
      'waits half a minute for a service that shows the old shares for so long, and writes once',
      async () => {
        const { rollout, proxy, shown } = await start([PATIENT_CREATE, SHORT, CUTOVER]);

        proxy.lateMs = 30_000;
        proxy.decide = inTurn(isWrite, ['late']);
        const report = await rollout.promoted();

        expect(report.endedAtMs - report.startedAtMs).toBeGreaterThan(30_000);
        // The share's, and the cutover's.
        expect(proxy.calls.filter(isWrite).map(({ fault }) => fault)).toEqual(['late', undefined]);
        expect((await shown()).traffic).toEqual(GREEN);
      },
    );

    it.runIf(lags)(
      'waits half a minute for a green that is not shown for so long, and creates it once',
      async () => {
        const { rollout, proxy, shown } = await start([PATIENT_CREATE], {
          before: createdLate,
        });
        const report = await rollout.promoted();

        expect(report.endedAtMs - report.startedAtMs).toBeGreaterThan(30_000);
        expect(proxy.calls.filter(isCreation)).toHaveLength(1);
        expect((await shown()).deployments).toEqual(['blue', 'green']);
      },
    );
  });

  describe.concurrent.each(FAULTS)('a service where each call in turn is %s', (fault) => {
    it('promotes all the same, and creates and deletes once', async () => {
      const steps = [PATIENT_CREATE, SMOKE, SHORT, CUTOVER, DELETE_BASELINE];
      const { rollout, proxy, shown } = await start(steps, { fault });
      await rollout.promoted();

      expect(await shown()).toEqual({ traffic: GREEN, deployments: ['green'] });
      const met = proxy.calls.filter((call) => call.fault !== undefined);
      expect(kindsOf(met)).toEqual(kindsOf(proxy.calls));
      expect(new Set(met.map(({ method }) => method))).toEqual(new Set(methods));
      // The share's, and the cutover's.
      expect(met.filter(isWrite).length).toBeGreaterThanOrEqual(2);
      for (const [what, isDone] of Object.entries(once)) {
        expect(proxy.calls.filter(isDone), what).toHaveLength(1);
      }
      // Who gave a delayed write up may have sent another before it got through.
      if (!manyCalls && fault !== 'delayed') {
        expect(proxy.calls.filter((call) => isWrite(call) && isTaken(call))).toHaveLength(2);
      }
    });

    it('rolls back all the same, and reads it back', async () => {
      const { rollout, proxy, shown, eachMeets } = await startOnGreen({ later: fault });

      eachMeets(fault);
      await rollout.send('abort', ABORT);
      const { type, report } = await rollout.failure();

      const met = proxy.calls.filter((call) => call.fault !== undefined);
      expect(met.filter(isWrite)).not.toEqual([]);
      expect(met.map(({ method }) => method)).toEqual(expect.arrayContaining(['GET', 'DELETE']));

      expect(type).toBe('Aborted');
      expect(report.left).toEqual([]);
      expect(await shown()).toEqual({ traffic: BLUE, deployments: ['blue'] });
    });
  });
}
