import type { Logger } from 'pino';
import type { EnvoyAdmin } from '../gateway/admin.js';
import { clusterName, TRAFFIC_KINDS } from '../gateway/names.js';
import { answerMetrics, DEPLOYMENT_METRICS, ENDPOINT_METRICS } from '../metrics/monitor.js';
import type { Sampler } from '../metrics/sampler.js';
import { durationMs } from '../serving/duration.js';
import type { AutoscaleRecord, DeploymentRecord, EndpointRecord } from '../state/model.js';
import type { Store } from '../state/store.js';
import { messageOf, sleep } from '../wait.js';
import { activeProfile } from './profiles.js';
import { decideByRules, type Minute } from './rules.js';
import { AutoscaleBody, type ScaleRule } from './setting.js';
import { decide, type LowReadings, type TargetUtilization } from './target-utilization.js';

const TURN_MS = 250;
/** How often rules are looked at; their metrics are minutes. */
const RULES_EVERY_MS = 5_000;

export interface AutoscalerContext {
  readonly store: Store;
  readonly admin: EnvoyAdmin;
  readonly sampler: Sampler;
  readonly log: Logger;
  /** Whether an operation runs on an endpoint. */
  readonly busy: (workspace: string, endpoint: string) => boolean;
  /** Limits of the gateway follow the number of instances. */
  readonly capacityChanged: () => void;
}

interface Memory {
  nextLookMs: number;
  low: LowReadings | undefined;
  lastScaledMs: number;
}

/**
 * Changes how many instances deployments have: Kubernetes ones by their target utilisation, managed ones by the
 * autoscale setting of Azure Monitor that names them. All others keep the number they were given.
 *
 * It keeps out of the way of rollouts: it never touches an endpoint on which an operation runs, nor a deployment that is
 * not Succeeded, and it starts no operation itself, so nobody is told 409 because of it.
 */
export class Autoscaler {
  readonly #context: AutoscalerContext;
  readonly #stop = new AbortController();
  readonly #memory = new WeakMap<DeploymentRecord, Memory>();
  #loop: Promise<void> | undefined;

  constructor(context: AutoscalerContext) {
    this.#context = context;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#turn();
      } catch (error) {
        this.#context.log.warn({ err: messageOf(error) }, 'Autoscaling could not look; it tries again');
      }
      await sleep(TURN_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #turn(): Promise<void> {
    const now = Date.now();
    for (const endpoint of Object.values(this.#context.store.state.endpoints)) {
      for (const deployment of Object.values(endpoint.deployments)) {
        const memory = this.#memoryOf(deployment, now);
        if (now < memory.nextLookMs) continue;
        const rule = targetUtilization(deployment);
        const setting = rule === undefined ? this.#settingFor(endpoint, deployment) : undefined;
        if (rule) await this.#byUtilization(endpoint, deployment, rule, memory);
        else if (setting) await this.#byRules(endpoint, deployment, setting, memory);
        memory.nextLookMs = now + (rule ? rule.pollingMs : RULES_EVERY_MS);
      }
    }
  }

  #memoryOf(deployment: DeploymentRecord, now: number): Memory {
    const memory = this.#memory.get(deployment) ?? {
      nextLookMs: now,
      low: undefined,
      lastScaledMs: -Infinity,
    };
    this.#memory.set(deployment, memory);
    return memory;
  }

  async #byUtilization(
    endpoint: EndpointRecord,
    deployment: DeploymentRecord,
    rule: TargetUtilization,
    memory: Memory,
  ): Promise<void> {
    const active = await this.#context.admin.active();
    const busy = TRAFFIC_KINDS.map((kind) =>
      clusterName(endpoint.workspace, endpoint.name, deployment.name, kind),
    ).reduce((total, name) => total + (active.get(name) ?? 0), 0);
    const concurrent = deployment.properties.requestSettings.maxConcurrentRequestsPerInstance;
    const { capacity } = deployment.sku;
    const { instances, low } = decide(busy, concurrent, capacity, rule, memory.low, Date.now());
    memory.low = low;
    await this.#scale(endpoint, deployment, instances, `${busy} requests are in it`, memory);
  }

  async #byRules(
    endpoint: EndpointRecord,
    deployment: DeploymentRecord,
    setting: AutoscaleRecord,
    memory: Memory,
  ): Promise<void> {
    const { properties } = AutoscaleBody.parse(setting.body);
    const now = Date.now();
    const profile = properties.enabled ? activeProfile(properties.profiles, now) : undefined;
    if (!profile) return;
    const readings = (rule: ScaleRule): readonly Minute[] => this.#readings(endpoint, rule, now);
    const decision = decideByRules(profile, deployment.sku.capacity, readings, memory.lastScaledMs, now);
    if (decision) await this.#scale(endpoint, deployment, decision.instances, decision.why, memory);
  }

  #readings(endpoint: EndpointRecord, rule: ScaleRule, now: number): readonly Minute[] {
    const { metricName, metricResourceUri, timeWindow } = rule.metricTrigger;
    const ofDeployment = /\/deployments\/([^/]+)$/i.exec(metricResourceUri)?.[1]?.toLowerCase();
    const metrics = ofDeployment === undefined ? ENDPOINT_METRICS : DEPLOYMENT_METRICS;
    const minutes = this.#context.sampler.minutes(endpoint.workspace, endpoint.name, ofDeployment);
    const minute = Math.floor(now / 60_000) * 60_000;
    const timespan = `${new Date(minute - timeWindow).toISOString()}/${new Date(minute).toISOString()}`;
    const query = {
      ...{ resourceId: metricResourceUri, metrics, names: metricName, timespan },
      ...{ interval: undefined, aggregation: 'Average', filter: undefined, top: undefined },
    };
    const { value } = answerMetrics(query, minutes, now) as {
      value: [{ timeseries: { data: { timeStamp: string; average?: number }[] }[] }];
    };
    const measured = (value[0].timeseries[0]?.data ?? []).flatMap(({ timeStamp, average }) =>
      average === undefined ? [] : [{ atMs: Date.parse(timeStamp), average }],
    );
    // Minutes without a request: none were made, which is a reading of 0 and not the lack of one.
    if (metricName.toLowerCase() !== 'requestsperminute') return measured;
    const known = new Map(measured.map(({ atMs, average }) => [atMs, average]));
    return [...new Set(minutes.map(({ atMs }) => atMs))]
      .filter((atMs) => atMs >= minute - timeWindow && atMs < minute)
      .map((atMs) => ({ atMs, average: known.get(atMs) ?? 0 }));
  }

  async #scale(
    endpoint: EndpointRecord,
    deployment: DeploymentRecord,
    instances: number,
    why: string,
    memory: Memory,
  ): Promise<void> {
    const { capacity } = deployment.sku;
    if (instances === capacity || instances < 1) return;
    if (deployment.state !== 'Succeeded' || endpoint.state !== 'Succeeded') return;
    if (this.#context.busy(endpoint.workspace, endpoint.name)) return;
    deployment.sku.capacity = instances;
    memory.lastScaledMs = Date.now();
    this.#context.log.info(
      { endpoint: endpoint.name, deployment: deployment.name, from: capacity, to: instances, why },
      'Autoscaling',
    );
    this.#context.capacityChanged();
    await this.#context.store.save();
  }

  #settingFor(endpoint: EndpointRecord, deployment: DeploymentRecord): AutoscaleRecord | undefined {
    const target = `${endpoint.workspace}/${endpoint.name}/${deployment.name}`;
    return Object.values(this.#context.store.state.autoscale).find((each) => each.target === target);
  }
}

/** @returns undefined for a deployment of fixed size. The values were checked when they came in. */
function targetUtilization({ properties }: DeploymentRecord): TargetUtilization | undefined {
  const settings = properties.scaleSettings;
  if (settings['scaleType'] !== 'TargetUtilization') return undefined;
  return {
    minInstances: Number(settings['minInstances']),
    maxInstances: Number(settings['maxInstances']),
    targetPercent: Number(settings['targetUtilizationPercentage']),
    pollingMs: durationMs(String(settings['pollingInterval'])),
  };
}
