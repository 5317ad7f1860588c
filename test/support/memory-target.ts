import type { Autoscale } from '../../core/autoscale.js';
import { azureCapabilities } from '../../core/capabilities.js';
import type { Autoscaling, Endpoints, InvokeResult, Metrics, TargetPorts } from '../../adapters/ports.js';
import { refuseOutdated } from '../../adapters/outdated.js';
import { PortError } from '../../adapters/ports.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import type { DeploymentState, EndpointState } from '../../core/endpoint.js';
import { FIELD_CONFLICT } from '../../core/failures.js';
import type { Counters, MetricsSnapshot, TrafficKind } from '../../core/metrics.js';
import { deploymentsIn, hasTraffic, normalTraffic, shareOf, type Traffic } from '../../core/traffic.js';

/** How a deployment of the memory target behaves. */
export interface Behaviour {
  /** Share of requests that end in an error, 0 to 1. */
  errors: number;
  /** Share of requests slower than 100 ms; the rest take 10 ms. */
  slow: number;
}

const EDGES_MS: readonly number[] = [5, 10, 20, 50, 100, 200, 500];

type Call = keyof Endpoints | 'metrics' | 'autoscale';

/** What an endpoint that is gone answers for. Of its deployments it has none, and metrics outlive it. */
const OF_ENDPOINT: ReadonlySet<string> = new Set<Call>(['writeTraffic', 'createDeployment', 'scale', 'isAutoscaled', 'invoke']); // prettier-ignore

/** A fault for one call: throws, or does something before or instead. `traffic`: what a write asks for. */
type Fault = (
  call: Call,
  traffic?: Traffic,
) => 'throw-transient' | 'throw-permanent' | 'lose-answer' | 'throttle' | undefined;

/**
 * An endpoint in memory, with traffic that flows by the clock: for faults that a real target can't be made to have.
 * Its counters follow its shares, so the gates judge what the rollout really wrote.
 */
export class MemoryTarget {
  traffic: Traffic = { live: { blue: 100 }, mirror: {} };
  readonly deployments = new Map<string, DeploymentState>();
  readonly behaviour = new Map<string, Behaviour>();
  /** Every write that took effect, in words. */
  readonly writes: string[] = [];
  /** Every live split that was ever in force. */
  readonly everLive: Traffic[] = [];
  /** Deployments whose number of instances an autoscaler says. */
  readonly autoscaled = new Set<string>();
  smokeStatus = 200;
  smokeBody = '{"answer":"from memory"}';
  requestsPerSecond = 4000;
  /** Upper bounds of its latency histogram. */
  edgesMs = EDGES_MS;
  /** Share of requests that take at most so long, of a deployment of which a share is slow. */
  within = (ms: number, slow: number): number => (ms < 10 ? 0 : ms <= 100 ? 1 - slow : 1);
  metricsAway = false;
  /** Requests in flight on each deployment, as its metrics tell it; null: they cannot. */
  active: number | null = 0;
  /** What the metric source makes of the truth. */
  distort: (snapshot: MetricsSnapshot) => MetricsSnapshot = (snapshot) => snapshot;
  /** When its metrics were read, each time. */
  readonly lookedAtMs: number[] = [];
  fault: Fault = () => undefined;
  /** What `read` shows may lag behind what was written. */
  shownLater: Traffic | null = null;
  /** Why what `read` shows is not in force yet; a write does not change that. */
  pending: string | null = null;
  /** Somebody has deleted the endpoint itself. */
  endpointGone = false;
  createDelayMs = 0;
  /** What a creation waits for, if not for that time; see {@link creating}. */
  created: Promise<void> | null = null;
  /** How the baseline's instances are counted; null: nobody counts them. */
  autoscale: Autoscale | null = null;
  /** Who else manages the traffic rules: writes without `takeOver` are refused. */
  rulesOwner: string | null = null;
  private flownAtMs = Date.now();
  private readonly counts = new Map<string, Counters>();

  constructor() {
    this.addDeployment('blue');
    this.behaviour.set('blue', { errors: 0, slow: 0 });
    this.behaviour.set('green', { errors: 0, slow: 0 });
  }

  addDeployment(name: string, state: Partial<DeploymentState> = {}): void {
    this.deployments.set(name, {
      name,
      state: 'ready',
      instances: { wanted: 1, ready: 1 },
      restarts: 0,
      tags: {},
      ...state,
    });
  }

  /** Somebody else's change, past the rollout. */
  changeTraffic(traffic: Traffic): void {
    this.flow();
    this.traffic = normalTraffic(traffic);
    this.everLive.push(this.traffic);
  }

  changeInstances(name: string, instances: number): void {
    const found = this.deployments.get(name);
    if (found === undefined) throw permanent('ResourceNotFound', `no deployment ${name}`);
    this.deployments.set(name, { ...found, instances: { wanted: instances, ready: instances } });
  }

  /** How often its metrics were read. */
  get looks(): number {
    return this.lookedAtMs.length;
  }

  /** How many looks there were after the first `looks` ones, until that time: all of a look is read in one go. */
  looksUntil(untilMs: number, looks: number): number {
    return this.lookedAtMs.slice(looks).filter((atMs) => atMs <= untilMs).length;
  }

  /** Somebody else's deletion, whoever gets traffic. */
  removeDeployment(name: string): void {
    this.flow();
    this.deployments.delete(name);
  }

  ports(): TargetPorts {
    return { endpoints: this.endpoints(), metrics: this.metrics(), autoscaling: this.autoscaling() };
  }

  private endpoints(): Endpoints {
    return {
      read: (name) => this.call('read', () => this.show(name)),
      capabilities: () => this.call('capabilities', () => azureCapabilities('managed')),
      writeTraffic: (name, traffic, options = {}) =>
        this.call(
          'writeTraffic',
          () => {
            const { takeOver = false, confirm, taken } = options;
            refuseOutdated(name, this.shownLater ?? this.traffic, options);
            confirm?.();
            if (this.rulesOwner !== null && !takeOver) {
              throw permanent(FIELD_CONFLICT, `the rules are managed by ${this.rulesOwner} now`);
            }
            this.rulesOwner = null;
            for (const deployment of deploymentsIn(traffic)) {
              if (this.deployments.get(deployment)?.state !== 'ready') {
                throw permanent('BadArgument', `no deployment ${deployment}`);
              }
            }
            taken?.();
            this.changeTraffic(traffic);
            this.writes.push(`traffic ${JSON.stringify(this.traffic)}`);
          },
          traffic,
        ),
      createDeployment: (_, spec: DeploymentSpec, tags, options = {}) =>
        this.call('createDeployment', () => {
          options.confirm?.();
          const made = { tags, instances: { wanted: spec.instanceCount, ready: spec.instanceCount } };
          const atOnce = this.createDelayMs === 0 && this.created === null;
          this.addDeployment(spec.name, { ...made, state: atOnce ? 'ready' : 'creating' });
          this.writes.push(`create ${spec.name}`);
          const getReady = (): void => {
            if (this.deployments.has(spec.name)) this.addDeployment(spec.name, made);
          };
          if (this.created !== null) void this.created.then(getReady);
          else if (!atOnce) setTimeout(getReady, this.createDelayMs).unref();
        }),
      readDeployment: (_, name) =>
        this.call('readDeployment', () => (this.endpointGone ? undefined : this.deployments.get(name))),
      deleteDeployment: (_, name) =>
        this.call('deleteDeployment', () => {
          if (this.endpointGone) return;
          if (hasTraffic(this.traffic, name)) {
            throw permanent('BadRequest', `${name} gets traffic`);
          }
          this.flow();
          if (this.deployments.delete(name)) this.writes.push(`delete ${name}`);
        }),
      scale: (_, name, instances) =>
        this.call('scale', () => {
          this.changeInstances(name, instances);
          this.writes.push(`scale ${name} to ${instances}`);
        }),
      isAutoscaled: (_, name) => this.call('isAutoscaled', () => this.autoscaled.has(name)),
      invoke: (_, deployment) =>
        this.call('invoke', (): InvokeResult => {
          this.writes.push(`invoke ${deployment}`);
          return { status: this.smokeStatus, body: this.smokeBody, durationMs: 3 };
        }),
      logs: () => Promise.resolve(''),
    };
  }

  private autoscaling(): Autoscaling {
    return {
      read: () => this.call('autoscale', () => this.autoscale),
      setMinimum: (_, name, { from, to }) =>
        this.call('autoscale', () => {
          if (this.autoscale?.minimum !== from) return;
          this.autoscale = { ...this.autoscale, minimum: to };
          this.writes.push(`minimum ${name} ${to}`);
        }),
    };
  }

  private metrics(): Metrics {
    return {
      capabilities: { histograms: true, mirrored: true },
      read: () =>
        this.call('metrics', () => {
          this.lookedAtMs.push(Date.now());
          if (this.metricsAway) throw transient('the metric source does not answer');
          return this.distort(this.snapshot());
        }),
    };
  }

  private show(name: string): EndpointState {
    if (this.endpointGone) throw permanent('ResourceNotFound', `no endpoint ${name}`);
    return {
      name,
      kind: 'managed',
      state: 'ready',
      traffic: this.shownLater ?? this.traffic,
      ...(this.pending === null ? {} : { pending: this.pending }),
      deployments: [...this.deployments.values()],
      scoringUri: 'memory:',
    };
  }

  private async call<T>(call: Call, act: () => T, traffic?: Traffic): Promise<T> {
    const fault = this.fault(call, traffic);
    if (fault === 'throw-transient') throw transient(`${call} failed by request of the test`);
    if (fault === 'throw-permanent')
      throw permanent('Forbidden', `${call} is forbidden by request of the test`);
    if (fault === 'throttle') {
      throw new PortError('busy', { kind: 'throttled', code: 'TooManyRequests', retryAfterMs: 50 });
    }
    if (this.endpointGone && OF_ENDPOINT.has(call)) throw permanent('ResourceNotFound', 'no such endpoint');
    const result = act();
    if (fault === 'lose-answer') throw transient(`the answer of ${call} got lost by request of the test`);
    await Promise.resolve();
    return result;
  }

  private snapshot(): MetricsSnapshot {
    this.flow();
    const deployments: Record<string, Partial<Record<TrafficKind, Counters>>> = {};
    for (const name of this.deployments.keys()) {
      deployments[name] = {
        live: this.of(name, 'live'),
        mirror: this.of(name, 'mirror'),
        direct: this.of(name, 'direct'),
      };
    }
    return { atMs: Date.now(), ageMs: 0, edgesMs: this.edgesMs, deployments };
  }

  /** Lets the requests since the last time flow by the rules in force. */
  private flow(): void {
    const now = Date.now();
    const requests = (this.requestsPerSecond * (now - this.flownAtMs)) / 1000;
    this.flownAtMs = now;
    for (const name of this.deployments.keys()) {
      this.add(name, 'live', (requests * shareOf(this.traffic.live, name)) / 100);
      this.add(name, 'mirror', (requests * shareOf(this.traffic.mirror, name)) / 100);
    }
  }

  /** Requests that a deployment has had so far. */
  requestsOf(name: string, kind: TrafficKind): number {
    this.flow();
    return this.of(name, kind).requests;
  }

  private of(name: string, kind: TrafficKind): Counters {
    const empty: Counters = {
      requests: 0,
      errors: 0,
      le: this.edgesMs.map(() => 0).concat(0),
      active: this.active,
    };
    return this.counts.get(`${name} ${kind}`) ?? empty;
  }

  private add(name: string, kind: TrafficKind, requests: number): void {
    const before = this.of(name, kind);
    const { errors, slow } = this.behaviour.get(name) ?? { errors: 0, slow: 0 };
    const n = Math.round(requests);
    const bad = Math.round(n * errors);
    this.counts.set(`${name} ${kind}`, {
      requests: before.requests + n,
      errors: before.errors + bad,
      le: before.le.map((count, i) => {
        const edge = this.edgesMs[i];
        return count + (edge === undefined ? n : Math.round(n * this.within(edge, slow)));
      }),
      active: this.active,
    });
  }
}

function transient(message: string): PortError {
  return new PortError(message, { kind: 'transient', code: 'Unavailable' });
}

function permanent(code: string, message: string): PortError {
  return new PortError(message, { kind: 'permanent', code });
}

/** Whose baseline somebody can scale down. */
export function ofFour(): MemoryTarget {
  const target = new MemoryTarget();
  target.changeInstances('blue', 4);
  return target;
}

/** Whose baseline has four instances that an autoscaler counts. */
export function autoscaled(): MemoryTarget {
  const target = new MemoryTarget();
  target.autoscale = { minimum: 1, maximum: 8, instances: 4 };
  return target;
}

/**
 * A target that is away for one kind of call, from the first of which `when` is true until `over()`.
 *
 * @returns `met`: resolved by the first call that meets it.
 */
export function outage(
  target: MemoryTarget,
  call: Call,
  when: () => boolean = () => true,
): { readonly met: Promise<void>; over(): void } {
  let away = true;
  let meet = (): void => undefined;
  const met = new Promise<void>((resolve) => (meet = resolve));
  target.fault = (now) => {
    if (now !== call || !away || !when()) return undefined;
    meet();
    return 'throw-transient';
  };
  return { met, over: () => (away = false) };
}

/** A target where what is created is under creation until `over()`, for who has something to do before, however long it takes. */
export function creating(target: MemoryTarget): { over(): void } {
  let over = (): void => undefined;
  target.created = new Promise<void>((resolve) => (over = resolve));
  return { over: () => over() };
}

/** A snapshot with so many of green's live requests under way. */
export function inFlight(snapshot: MetricsSnapshot, active: number): MetricsSnapshot {
  const { green } = snapshot.deployments;
  if (green?.live === undefined) return snapshot;
  const busy = { ...green, live: { ...green.live, active } };
  return { ...snapshot, deployments: { ...snapshot.deployments, green: busy } };
}

/** A fault that hits the first `times` calls of a kind, and then no more. */
export function failing(call: Call, how: ReturnType<Fault>, times: number): Fault {
  let left = times;
  return (now) => {
    if (now !== call || left <= 0) return undefined;
    left -= 1;
    return how;
  };
}
