import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { workflowId } from '../../core/plan.js';
import { MessageName, type RolloutStatus } from '../../core/messages.js';
import { greenlight, type CommandResult } from '../../demo/command.js';
import { temporalSettings } from '../../embedded/connection.js';
import { runningDaemon } from '../../embedded/daemons.js';
import { packageRoot } from '../../embedded/package-root.js';
import { until } from '../../embedded/processes.js';
import { registerSearchAttributes } from '../../embedded/search-attributes.js';
import { startTemporal, stopTemporal } from '../../embedded/temporal-server.js';
import { ensureTemporal } from '../../embedded/temporal.js';
import { startWorker, stopWorker } from '../../embedded/worker.js';
import { makePlace, ModelNamespace, type Door, type Place } from './namespace.js';

const LONGEST_ROLLOUT_MS = 150_000;

export interface Submitted {
  readonly result: CommandResult;
  /** What the command said while it worked. */
  readonly said: readonly string[];
}

/**
 * The whole product on the test bed: a Temporal server of its own, and a worker process that has exactly the rights of
 * the manifests in `deploy/kubernetes`, in a namespace of its own.
 */
export class KubernetesWorld extends ModelNamespace {
  readonly client: Client;

  private constructor(place: Place, client: Client) {
    super(place);
    this.client = client;
  }

  static async start(...front: Parameters<typeof makePlace>): Promise<KubernetesWorld> {
    const place = await makePlace(...front);
    const state = join(place.folder, 'state');
    const server = await startTemporal(state, await ensureTemporal(() => undefined));
    const connection = await Connection.connect({ address: server.address });
    await registerSearchAttributes(connection, server.namespace);
    const world = new KubernetesWorld(place, new Client({ connection, namespace: server.namespace }));
    await world.startWorker();
    return world;
  }

  override async stop(): Promise<void> {
    await stopWorker(this.state);
    await this.client.connection.close();
    await stopTemporal(this.state);
    await super.stop();
  }

  get state(): string {
    return join(this.folder, 'state');
  }

  async startWorker(): Promise<void> {
    await startWorker(this.state, await temporalSettings(this.state));
  }

  /** SIGKILL; `startWorker` brings the next one. */
  async killWorker(): Promise<void> {
    const worker = await runningDaemon(this.state, 'worker');
    if (worker !== undefined) process.kill(worker.pid, 'SIGKILL');
  }

  /**
   * A spec that brings green, in a folder of its own.
   *
   * @param env - of green's container.
   * @returns its path.
   */
  async writeSpec(
    { endpoint }: Door,
    steps: readonly unknown[],
    env: Readonly<Record<string, string>> = {},
    deployment: object = {},
  ): Promise<string> {
    const folder = join(this.folder, endpoint);
    await mkdir(folder, { recursive: true });
    // JSON is YAML.
    const write = (file: string, content: object) =>
      writeFile(join(folder, file), JSON.stringify(content, null, 2));
    await write('request.json', { data: [[1]] });
    await write('green.yml', {
      name: 'green',
      endpoint_name: endpoint,
      type: 'kubernetes',
      environment: { image: 'local/node:20' },
      environment_variables: { NAME: 'green', ...env },
      instance_count: 1,
      readiness_probe: {
        initial_delay: 1,
        period: 1,
        timeout: 2,
        success_threshold: 1,
        failure_threshold: 30,
      },
      properties: {
        'greenlight.command': JSON.stringify(['node', join(packageRoot(), 'test', 'k8s', 'model.mjs')]),
      },
      ...deployment,
    });
    await write('rollout.yml', {
      version: 1,
      endpoint,
      target: { kubernetes: { namespace: this.namespace } },
      deployment: './green.yml',
      watching: { interval: '1s', 'warm-up': '1s', blip: '3s' },
      gates: {
        errors: { metric: 'error-rate', 'worse-by': '10pp' },
        slow: { metric: 'latency', quantile: 'p95', 'at-most': '2s' },
      },
      steps,
    });
    return join(folder, 'rollout.yml');
  }

  /** `greenlight submit SPEC --wait`, as a user does. */
  async submit(spec: string): Promise<Submitted> {
    return this.command(['submit', spec, '--wait', '--by', 'ada']);
  }

  async command(args: readonly string[]): Promise<Submitted> {
    const said: string[] = [];
    const signal = AbortSignal.timeout(LONGEST_ROLLOUT_MS);
    const result = await greenlight(args, {
      state: this.state,
      signal,
      onLine: (line) => said.push(line),
    }).catch((error: unknown) => {
      throw new Error(`greenlight ${args.join(' ')} did not end in time. It said:\n${said.join('\n')}`, {
        cause: error,
      });
    });
    return { result, said };
  }

  /** The status of the endpoint's rollout, once it is as wanted. */
  async untilStatus(
    { endpoint }: Door,
    wanted: (status: RolloutStatus) => boolean,
    limitMs = 60_000,
  ): Promise<RolloutStatus> {
    const handle = this.client.workflow.getHandle(workflowId(this.target, endpoint));
    let last: RolloutStatus | undefined;
    const status = await until(async () => {
      last = await handle.query<RolloutStatus>(MessageName.status).catch(() => undefined);
      return last !== undefined && wanted(last) ? last : undefined;
    }, limitMs);
    if (status === undefined) throw new Error(`it did not come to that; it is ${JSON.stringify(last)}`);
    return status;
  }
}
