import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { PortError } from '../../adapters/ports.js';
import { type AdminTargetPorts, createTargets } from '../../adapters/targets.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import { TASK_QUEUE } from '../../core/names.js';
import type { Target } from '../../core/plan.js';
import type { Traffic } from '../../core/traffic.js';
import { temporalSettings } from '../../embedded/connection.js';
import { runningDaemon, startDaemon, waitForDaemon } from '../../embedded/daemons.js';
import { hostState, startHost } from '../../embedded/host.js';
import { packageRoot } from '../../embedded/package-root.js';
import { until } from '../../embedded/processes.js';
import { startStack, stopStack } from '../../embedded/stack.js';
import { startTemporal, TEMPORAL_FILE } from '../../embedded/temporal-server.js';
import { ensureTools, type Tools } from '../../embedded/tools.js';
import { startWorker } from '../../embedded/worker.js';
import { findMarked } from '../../host/processes.js';
import type { HostState } from '../../host/state/model.js';
import type { Door, Victim, World } from './world.js';

const TARGET: Target = { kind: 'host', workspace: 'local' };

/** temporal.api.enums.v1.TaskQueueType */
const ACTIVITY_QUEUE = 2;

/** Answers as the demo's clients expect it; fails always with BAD, or while the file named by BREAK_FILE is there. */
const SCORE_PY = `
import os

def init():
    pass

def run(raw):
    if os.environ.get("BAD") or os.path.exists(os.environ["BREAK_FILE"]):
        raise ValueError("broken on purpose")
    return {"version": os.environ["NAME"], "predictions": [1.0]}
`;

const PROBE = {
  initialDelayMs: 1000,
  periodMs: 1000,
  timeoutMs: 2000,
  successThreshold: 1,
  failureThreshold: 30,
};

/**
 * The whole product in a folder of its own: Temporal with a database file, the endpoint host with Envoy and real model
 * servers, a worker; each a process that can be killed and started again.
 */
export class HostWorld implements World {
  readonly target = TARGET;
  readonly folder: string;
  readonly state: string;
  readonly client: Client;
  readonly #tools: Tools;
  readonly #targets: (target: Target) => Promise<AdminTargetPorts>;

  private constructor(folder: string, client: Client, tools: Tools) {
    this.folder = folder;
    this.state = join(folder, 'state');
    this.client = client;
    this.#tools = tools;
    this.#targets = createTargets({ hostState: hostState(this.state) });
  }

  static async start(): Promise<HostWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'greenlight-faults-'));
    await mkdir(join(folder, 'code'));
    await writeFile(join(folder, 'code', 'score.py'), SCORE_PY);
    const silent = (): void => undefined;
    const tools = await ensureTools(silent);
    const { temporal } = await startStack({ state: join(folder, 'state'), progress: silent });
    const connection = await Connection.connect({ address: temporal.address });
    return new HostWorld(folder, new Client({ connection, namespace: temporal.namespace }), tools);
  }

  async stop(): Promise<void> {
    await this.client.connection.close();
    await stopStack({ state: this.state });
    await rm(this.folder, { recursive: true, force: true });
  }

  ports(): Promise<AdminTargetPorts> {
    return this.#targets(TARGET);
  }

  deployment(endpoint: string, name: string, bad = false): DeploymentSpec {
    return {
      name,
      kind: 'managed',
      tags: {},
      properties: {},
      code: { source: { kind: 'path', path: join(this.folder, 'code') }, scoringScript: 'score.py' },
      environmentVariables: {
        NAME: name,
        BREAK_FILE: this.#breakFile(endpoint, name),
        ...(bad ? { BAD: 'yes' } : {}),
      },
      instanceType: 'Standard_DS3_v2',
      instanceCount: 1,
      appInsightsEnabled: false,
      requestSettings: {
        maxConcurrentRequestsPerInstance: 40,
        requestTimeoutMs: 5000,
        maxQueueWaitMs: 500,
      },
      livenessProbe: { ...PROBE, periodMs: 5000 },
      readinessProbe: PROBE,
      scale: { kind: 'default' },
    };
  }

  async breakDeployment(endpoint: string, name: string): Promise<void> {
    await writeFile(this.#breakFile(endpoint, name), '');
  }

  /**
   * A second worker beside the one of the stack. Whoever starts it kills it.
   *
   * @returns its process id.
   */
  async startSecondWorker(): Promise<number> {
    // A state folder of its own, as on another machine: each worker leaves its note there.
    const state = await mkdtemp(join(this.folder, 'second-worker-'));
    await symlink(hostState(this.state), hostState(state));
    await copyFile(join(this.state, TEMPORAL_FILE), join(state, TEMPORAL_FILE));
    const daemon = await startDaemon(state, {
      name: 'worker',
      command: process.execPath,
      args: [join(packageRoot(), 'dist', 'worker', 'main.js'), '--state', state],
    });
    await waitForDaemon(daemon, () => this.#polls(daemon.pid), 30_000);
    return daemon.pid;
  }

  async #polls(pid: number): Promise<true | undefined> {
    const { pollers } = await this.client.workflowService.describeTaskQueue({
      namespace: this.client.options.namespace,
      taskQueue: { name: TASK_QUEUE },
      taskQueueType: ACTIVITY_QUEUE,
    });
    return pollers.some(({ identity }) => identity?.startsWith(`${pid}@`)) ? true : undefined;
  }

  #breakFile(endpoint: string, name: string): string {
    return join(this.folder, `break-${endpoint}-${name}`);
  }

  async createEndpoint(name: string): Promise<Door> {
    const { endpoints } = await this.ports();
    await endpoints.createEndpoint({ name });
    await endpoints.createDeployment(name, this.deployment(name, 'blue'), {});
    const ready = await until(
      async () => ((await endpoints.readDeployment(name, 'blue'))?.state === 'ready' ? true : undefined),
      30_000,
    );
    if (ready === undefined) throw new Error(`blue of ${name} did not get ready`);
    await endpoints.writeTraffic(name, { live: { blue: 100 }, mirror: {} });
    const { scoringUri } = await endpoints.read(name);
    return { scoringUri, key: (await endpoints.keys(name)).primary };
  }

  /** A host that was killed in a rollout's last moment takes its operation up again, and is busy until it ends. */
  async deleteEndpoint(name: string): Promise<void> {
    const { endpoints } = await this.ports();
    const deleted = await until(async () => {
      try {
        await endpoints.deleteEndpoint(name);
        return true;
      } catch (thrown) {
        if (thrown instanceof PortError && thrown.kind === 'throttled') return undefined;
        throw thrown;
      }
    }, 30_000);
    if (deleted === undefined) throw new Error(`${name} was busy for 30 s after its rollout had ended`);
  }

  async operations(endpoint: string): Promise<readonly string[]> {
    const { operations } = await this.hostRecord();
    return Object.values(operations)
      .filter((operation) => operation.endpoint === endpoint && operation.status === 'Succeeded')
      .map(({ kind, deployment }) => (deployment === undefined ? kind : `${kind} ${deployment}`));
  }

  /** Two made the endpoint and put blue behind it; then one for each traffic that was asked for. */
  writesOf(way: readonly Traffic[]): number {
    return way.length + 1;
  }

  /** What the host has written down, which is there also while it is dead. */
  async hostRecord(): Promise<HostState> {
    return JSON.parse(await readFile(join(hostState(this.state), 'state.json'), 'utf8')) as HostState;
  }

  /** The host looks after Envoy and the model servers. */
  async mend(victim: Victim): Promise<void> {
    switch (victim) {
      case 'temporal':
        await startTemporal(this.state, this.#tools.temporal);
        return;
      case 'worker':
        await startWorker(this.state, await temporalSettings(this.state));
        return;
      case 'host':
        await startHost(this.state, this.#tools);
        return;
      default:
        return;
    }
  }

  async aim(victim: Victim, endpoint: string): Promise<readonly number[]> {
    if (victim === 'worker' || victim === 'temporal' || victim === 'host') {
      const daemon = await runningDaemon(this.state, victim);
      return daemon === undefined ? [] : [daemon.pid];
    }
    const record = await this.hostRecord();
    if (victim === 'envoy') return record.envoy === null ? [] : [record.envoy.pid];
    const deployment = record.endpoints[`local/${endpoint}`]?.deployments[victim];
    const leaders = Object.values(deployment?.instances ?? {}).flatMap(({ process }) => process?.pid ?? []);
    const marked = findMarked(record.id);
    const marks = marked.filter(({ pid }) => leaders.includes(pid)).map(({ mark }) => mark);
    return marked.filter(({ mark }) => marks.includes(mark)).map(({ pid }) => pid);
  }
}
