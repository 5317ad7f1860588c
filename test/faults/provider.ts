import { activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Endpoints, TargetPorts } from '../../adapters/ports.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import type { Plan, Step } from '../../core/plan.js';
import { greenlight } from '../cli/cli.js';
import { CREATE, CUTOVER, DELETE_BASELINE, errorsGate, planOf, rampStep, SMOKE } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';
import { FaultProxy, FAULTS, type Call, type Fault, type MadeCall, type Service } from './fault-proxy.js';

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
  { methods, isWrite, once, refusal, manyCalls, lags }: ProviderFacts,
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
   * @param setting.patienceMs - a call's deadline. More than a second where a stall of this machine would count.
   */
  async function start(
    steps: readonly Step[],
    setting: { readonly fault?: Fault; readonly patienceMs?: number } & Partial<Plan> = {},
  ) {
    const { fault, patienceMs = 1_000, ...more } = setting;
    const endpoint = `faults-${++made}`;
    await provider.createEndpoint(endpoint);
    const proxy = await FaultProxy.start(provider.service);
    proxies.push(proxy);
    const ports = await provider.through(proxy, patienceMs);
    let attempt: Attempt | undefined;
    const eachMeets = (met: Fault): void => {
      proxy.decide = eachOnce(met, () => attempt, nameOf);
    };
    if (fault !== undefined) eachMeets(fault);
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

  const isRead = ({ method }: Call): boolean => method === 'GET';

  // Most of the time they wait: all at once, and those that wait longest first.
  describe.concurrent('rollback', () => {
    // What lets a write through ends the row, whatever becomes of the answer.
    it.each(['answer-lost', 'delayed', 'late'] as const)(
      'through twenty failed writes in a row, the last of them %s, ends read back',
      async (last) => {
        const { rollout, proxy, shown } = await startOnGreen({ rollbackWithinMs: 120_000 });

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
        const { rollout, proxy, shown } = await startOnGreen({ patienceMs: 20_000 });

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
        const { rollout, proxy, shown } = await start([PATIENT_CREATE, SHORT, CUTOVER], {
          patienceMs: 20_000,
        });

        proxy.lateMs = 30_000;
        proxy.decide = inTurn(isWrite, ['late']);
        const report = await rollout.promoted();

        expect(report.endedAtMs - report.startedAtMs).toBeGreaterThan(30_000);
        // The share's, and the cutover's.
        expect(proxy.calls.filter(isWrite).map(({ fault }) => fault)).toEqual(['late', undefined]);
        expect((await shown()).traffic).toEqual(GREEN);
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
      const { rollout, proxy, shown, eachMeets } = await startOnGreen();

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

/** One attempt of an activity, and what it has called so far. */
interface Attempt {
  readonly activity: string;
  readonly heard: Map<string, number>;
  /** What met the fault since it wrote last. */
  readonly met: Set<string>;
}

/**
 * Each call that an activity makes meets the fault once. A later attempt makes the same calls again, and gets one further:
 * they are told by their number among those of their kind. Who asks over and over within one attempt meets it once, and
 * again after a write, which is to be read back.
 */
function eachOnce(
  fault: Fault,
  now: () => Attempt | undefined,
  nameOf: (call: Call, attempt: Attempt, nth: number) => string,
): FaultProxy['decide'] {
  const known = new Set<string>();
  return (call) => {
    const attempt = now();
    if (attempt === undefined) return undefined;
    const { heard, met } = attempt;
    const kind = kindOf(call);
    const nth = (heard.get(kind) ?? 0) + 1;
    heard.set(kind, nth);
    const one = nameOf(call, attempt, nth);
    const goesThrough = met.has(kind) || known.has(one);
    if (call.method !== 'GET') met.clear();
    if (goesThrough) return undefined;
    met.add(kind);
    known.add(one);
    return fault;
  };
}

/** Whether the service took it, and answered so. */
export function isTaken({ status }: MadeCall): boolean {
  return status !== undefined && status >= 200 && status <= 299;
}

const kindOf = ({ method, path }: Call): string => `${method} ${path}`;
const kindsOf = (calls: readonly Call[]): readonly string[] => [...new Set(calls.map(kindOf))].sort();

/** So many failures that let nothing through. */
function row(count: number): readonly Fault[] {
  const all = ['refused', '500', '429', '409'] as const;
  return Array.from({ length: count }, (_, i) => all[i % all.length] ?? '500');
}

/** The first such calls meet these faults, one each. */
function inTurn(such: (call: Call) => boolean, faults: readonly Fault[]): FaultProxy['decide'] {
  const left = [...faults];
  return (call) => (such(call) ? left.shift() : undefined);
}
