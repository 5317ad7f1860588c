import { appendFile, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { EnvoyAdmin } from '../gateway/admin.js';
import { clusterName } from '../gateway/names.js';
import { readTextIfThere, writeFileAtomic } from '../state/atomic.js';
import type { DeploymentRecord, EndpointRecord, HostState } from '../state/model.js';
import { messageOf, sleep } from '../wait.js';
import { difference, NOTHING, sum, type ClusterCounts, type ClusterSample } from './envoy-stats.js';
import { latencyOf, requestsOf, type MinuteRecord } from './minute.js';
import { usageByDeployment } from './usage.js';

const MINUTE_MS = 60_000;
const EVERY_MS = 5_000;
/** Today and the day before: a window that began yesterday can still be asked for. */
const KEPT_DAYS = 2;

interface Last {
  /** Whose counters these are: another Envoy begins at 0. */
  readonly envoy: string;
  readonly clusters: Readonly<Record<string, ClusterCounts>>;
}

interface Open {
  readonly counts: ClusterCounts;
  readonly cpuSeconds: number;
}

/**
 * Writes down what every deployment did, minute by minute, for whoever asks Azure Monitor's metrics call.
 *
 * Minutes are in files of the state folder, so a restarted host answers for the time before; what Envoy counted while no
 * host looked is put into the first minute after.
 */
export class Sampler {
  readonly #state: HostState;
  readonly #admin: EnvoyAdmin;
  readonly #folder: string;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #minutes: MinuteRecord[] = [];
  #minute = 0;
  #open = new Map<string, Open>();
  #last: Last = { envoy: '', clusters: {} };
  #cpu = new Map<string, number>();
  #loop: Promise<void> | undefined;

  constructor(state: HostState, admin: EnvoyAdmin, folder: string, log: Logger) {
    this.#state = state;
    this.#admin = admin;
    this.#folder = folder;
    this.#log = log;
  }

  async start(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#load();
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  /** Whole minutes of an endpoint, or of one of its deployments, oldest first. */
  minutes(workspace: string, endpoint: string, deployment?: string): readonly MinuteRecord[] {
    return this.#minutes.filter(
      (minute) =>
        minute.workspace === workspace &&
        minute.endpoint === endpoint &&
        (deployment === undefined || minute.deployment === deployment),
    );
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // On the clock, so that a look falls on the end of every minute.
      const wait = EVERY_MS - (Date.now() % EVERY_MS) + 20;
      await sleep(wait, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#look(await this.#admin.sample());
      } catch (error) {
        this.#log.debug({ err: messageOf(error) }, 'Metrics were not read'); // Envoy may be starting
      }
    }
  }

  async #look(sample: ReadonlyMap<string, ClusterSample>): Promise<void> {
    // What was counted since the last look belongs to where most of that time lies.
    const minute = minuteOf(Date.now() - EVERY_MS / 2);
    if (minute !== this.#minute) await this.#close(minute);
    const envoy = `${this.#state.envoy?.pid}/${this.#state.envoy?.startTime}`;
    const before = this.#last.envoy === envoy ? this.#last.clusters : {};
    const usage = usageByDeployment(this.#state.id);
    for (const [endpoint, deployment] of this.#deployments()) {
      const key = keyOf(endpoint, deployment);
      const open = this.#open.get(key) ?? { counts: NOTHING, cpuSeconds: 0 };
      const counts = (['live', 'direct'] as const)
        .map((kind) => clusterName(endpoint.workspace, endpoint.name, deployment.name, kind))
        .map((name) => difference(sample.get(name) ?? NOTHING, before[name] ?? NOTHING))
        .reduce(sum, open.counts);
      const cpu = usage.get(key)?.cpuSeconds ?? 0;
      const used = Math.max(0, cpu - (this.#cpu.get(key) ?? cpu));
      this.#cpu.set(key, cpu);
      this.#open.set(key, { counts, cpuSeconds: open.cpuSeconds + used });
    }
    this.#last = { envoy, clusters: Object.fromEntries(sample) };
    const next = minuteOf(Date.now() + EVERY_MS / 2);
    if (next !== minute) await this.#close(next); // the next look belongs to another minute
  }

  /** Ends the minute that was open, and begins another. */
  async #close(next: number): Promise<void> {
    const usage = usageByDeployment(this.#state.id);
    const ended: MinuteRecord[] = [];
    for (const [endpoint, deployment] of this.#minute === 0 ? [] : this.#deployments()) {
      const open = this.#open.get(keyOf(endpoint, deployment));
      if (!open) continue;
      const memory = usage.get(keyOf(endpoint, deployment))?.memoryPercent ?? 0;
      ended.push(minuteRecord(this.#minute, endpoint, deployment, open, memory));
    }
    this.#open = new Map();
    this.#minute = next;
    if (ended.length === 0) return;
    const oldest = startOfDay(next) - (KEPT_DAYS - 1) * 24 * 60 * MINUTE_MS;
    this.#minutes = [...this.#minutes.filter(({ atMs }) => atMs >= oldest), ...ended];
    // Each begins a line of its own, also behind half a one that a killed host left.
    const lines = ended.map((each) => `\n${JSON.stringify(each)}`).join('');
    await appendFile(this.#file(ended[0]!.atMs), lines, { mode: 0o600 });
    await this.#saveLast();
    await this.#removeOld(oldest);
  }

  *#deployments(): Iterable<readonly [EndpointRecord, DeploymentRecord]> {
    for (const endpoint of Object.values(this.#state.endpoints)) {
      for (const deployment of Object.values(endpoint.deployments)) yield [endpoint, deployment];
    }
  }

  #file(atMs: number): string {
    return join(this.#folder, `minutes-${new Date(atMs).toISOString().slice(0, 10)}.jsonl`);
  }

  async #saveLast(): Promise<void> {
    await writeFileAtomic(join(this.#folder, 'last.json'), JSON.stringify(this.#last));
  }

  async #removeOld(oldest: number): Promise<void> {
    const first = this.#file(oldest);
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.startsWith('minutes-') && path < first) await rm(path, { force: true });
    }
  }

  async #load(): Promise<void> {
    const last = await readTextIfThere(join(this.#folder, 'last.json'));
    if (last !== undefined) this.#last = JSON.parse(last) as Last;
    for (const name of (await readdir(this.#folder)).filter((each) => each.startsWith('minutes-')).sort()) {
      const text = (await readTextIfThere(join(this.#folder, name))) ?? '';
      for (const line of text.split('\n')) {
        try {
          if (line !== '') this.#minutes.push(JSON.parse(line) as MinuteRecord);
        } catch {
          // A host that was killed left half a line.
        }
      }
    }
  }
}

function keyOf(endpoint: EndpointRecord, deployment: DeploymentRecord): string {
  return `${endpoint.workspace}~${endpoint.name}~${deployment.name}`;
}

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS) * MINUTE_MS;
}

function startOfDay(ms: number): number {
  return Math.floor(ms / (24 * 60 * MINUTE_MS)) * 24 * 60 * MINUTE_MS;
}

function minuteRecord(
  atMs: number,
  endpoint: EndpointRecord,
  deployment: DeploymentRecord,
  { counts, cpuSeconds }: Open,
  memoryPercent: number,
): MinuteRecord {
  const instances = Object.values(deployment.instances);
  const ready = instances.filter(({ state }) => state === 'ready').length;
  const latency = latencyOf(counts.bins);
  return {
    ...{ atMs, workspace: endpoint.workspace, endpoint: endpoint.name, deployment: deployment.name },
    requests: requestsOf(counts, endpoint.compute === undefined ? 'managed' : 'kubernetes'),
    ...(latency && { latency }),
    bytesPerSecond: counts.bytes / 60,
    cpuPercent: Math.min(100, (cpuSeconds / 60 / Math.max(1, instances.length)) * 100),
    memoryPercent,
    instances: { Provisioned: ready, Provisioning: instances.length - ready },
  };
}
