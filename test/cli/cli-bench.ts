import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type BundlerPlugin,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerPlugin,
} from '@temporalio/worker';
import { afterAll, beforeAll, inject } from 'vitest';
import { machineSecrets } from '../../adapters/secrets.js';
import { createActivities } from '../../activities/index.js';
import { openEncryption } from '../../codec/data-converter.js';
import { TASK_QUEUE } from '../../core/names.js';
import type { Target } from '../../core/plan.js';
import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import type { MemoryTarget } from '../support/memory-target.js';
import { makeNamespace } from '../support/namespace.js';
import { bundleWorkflows } from '../support/workflow-code.js';
import { greenlight, stateWithTemporal, temporaryFolder, type Told } from './cli.js';

/** Steps of a rollout that stays in its ramp until somebody ends it. */
export const LONG = ['create', 'ramp: 10%\n    for: 1h .. 2h', 'cutover'];

export interface CliBench {
  readonly namespace: string;
  /** Endpoints in memory, by workspace. */
  readonly targets: Map<string, MemoryTarget>;
  /** For files of the tests; goes with them. */
  readonly folder: string;
  /** Ends the worker and starts another, as a deployment or a crash would. */
  replaceWorker(): Promise<void>;
  /** Ends the worker, and starts another when `work` is done. */
  withoutWorker<T>(work: () => Promise<T>): Promise<T>;
  /** One command line, about the endpoint of a workspace. */
  on(workspace: string, args: readonly string[], more?: Parameters<typeof greenlight>[1]): Promise<Told>;
  /** See {@link writeSpec}; in a folder of the workspace's own. */
  spec(workspace: string, steps: readonly string[], more?: readonly string[]): Promise<string>;
}

export interface CliBenchOptions {
  /** Of the worker, and of every command line. */
  readonly env?: NodeJS.ProcessEnv;
  /** Asked for when its worker starts. */
  readonly plugins?: () => (WorkerPlugin & BundlerPlugin)[];
}

/** The real workflows and activities on the queue that the CLI uses, in a namespace that no other test sees. */
export function useCliBench({ env = {}, plugins }: CliBenchOptions = {}): CliBench {
  const namespace = `cli-${randomUUID()}`;
  const targets = new Map<string, MemoryTarget>();
  const portsOf = async (target: Target) => {
    const found = target.kind === 'host' ? targets.get(target.workspace) : undefined;
    if (found === undefined) throw new Error('no such target');
    return found.ports();
  };
  let connection: NativeConnection | undefined;
  let worker: Worker | undefined;
  let running: Promise<void> | undefined;
  let state = '';
  let folder = '';

  let startWorker = (): Promise<void> => Promise.reject(new Error('the bench is not set up'));
  const withoutWorker: CliBench['withoutWorker'] = async (work) => {
    worker?.shutdown();
    await running;
    try {
      return await work();
    } finally {
      await startWorker();
    }
  };

  beforeAll(async () => {
    state = await stateWithTemporal(namespace);
    folder = await temporaryFolder();
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    await makeNamespace(namespace);
    const made = await NativeConnection.connect({ address: inject('temporalAddress') });
    connection = made;
    const { dataConverter } = await openEncryption(env);
    const { failureConverterPath } = dataConverter;
    const own = {
      ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
      ...(plugins === undefined ? {} : { plugins: plugins() }),
    };
    const workflowBundle =
      Object.keys(own).length > 0 ? await bundleWorkflows(own) : { codePath: inject('workflowCode') };
    startWorker = async () => {
      worker = await Worker.create({
        connection: made,
        namespace,
        taskQueue: TASK_QUEUE,
        workflowBundle,
        dataConverter,
        ...(plugins === undefined ? {} : { plugins: plugins() }),
        activities: createActivities({ targets: portsOf, secrets: machineSecrets(env) }),
        sinks: rolloutSinks(createMetrics().rollouts),
        maxHeartbeatThrottleInterval: '200ms',
        defaultHeartbeatThrottleInterval: '200ms',
      });
      running = worker.run();
    };
    await startWorker();
  });

  afterAll(async () => {
    worker?.shutdown();
    await running;
    await connection?.close();
  });

  return {
    namespace,
    targets,
    get folder() {
      return folder;
    },
    replaceWorker: () => withoutWorker(() => Promise.resolve()),
    withoutWorker,
    on: (workspace, args, more) =>
      greenlight([...args, '--state', state, '--target', `host/${workspace}`], { env, ...more }),
    spec: (workspace, steps, more) => writeSpec(join(folder, workspace), workspace, steps, more),
  };
}

/** Writes a spec whose endpoint lives in memory, with looks of a second, and the deployment file that it names. */
export async function writeSpec(
  folder: string,
  workspace: string,
  steps: readonly string[],
  more: readonly string[] = [],
): Promise<string> {
  const spec = join(folder, `${workspace}.yml`);
  const text = [
    'endpoint: diabetes',
    'deployment: ./green.yml',
    `target: { host: { workspace: ${workspace} } }`,
    'watching: { interval: 1s, warm-up: 0s, blip: 1s }',
    'gates:',
    '  errors: { metric: error-rate, worse-by: 2pp }',
    ...more,
    'steps:',
    ...steps.map((step) => `  - ${step}`),
  ];
  await mkdir(dirname(spec), { recursive: true });
  await writeFile(join(folder, 'score.py'), 'def init(): pass\ndef run(data): return {}\n');
  await writeFile(
    join(folder, 'green.yml'),
    [
      'name: green',
      'type: managed',
      'model: azureml:diabetes:2',
      'environment: azureml:sklearn:1',
      'code_configuration: { code: ., scoring_script: score.py }',
      'instance_type: Standard_DS3_v2',
      'instance_count: 1',
      '',
    ].join('\n'),
  );
  await writeFile(spec, `${text.join('\n')}\n`);
  return spec;
}
