// A worker of its own process for a bench, with endpoints in memory: started by `startBenchWorker`.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { machineSecrets } from '../../adapters/secrets.js';
import { createActivities } from '../../activities/index.js';
import type { Target } from '../../core/plan.js';
import { workflowBundle } from '../../worker/bundle.js';
import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { TUNING } from '../../worker/tuning.js';
import { LookDelays } from './look-delays.js';
import { MemoryEndpoint } from './memory-endpoint.js';
import { BARE_QUEUE, ROLLOUT_QUEUE, type Question } from './worker-process.js';

const { values } = parseArgs({
  options: { address: { type: 'string', default: '' }, bare: { type: 'boolean', default: false } },
});
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger, shutdownSignals: [] });
const connection = await NativeConnection.connect({ address: values.address });

const endpoints = new Map<string, MemoryEndpoint>();
const delays = new LookDelays();

function portsOf(target: Target) {
  const key = target.kind === 'host' ? target.workspace : '';
  let endpoint = endpoints.get(key);
  if (endpoint === undefined) {
    endpoint = new MemoryEndpoint((atMs) => delays.looked(key, atMs));
    endpoints.set(key, endpoint);
  }
  return Promise.resolve(endpoint.ports());
}

const rollouts = await Worker.create({
  connection,
  taskQueue: ROLLOUT_QUEUE,
  workflowBundle: await workflowBundle(logger),
  activities: createActivities({ targets: portsOf, secrets: machineSecrets({}) }),
  sinks: rolloutSinks(createMetrics().rollouts),
  ...TUNING,
});
const workers = values.bare ? [rollouts, await bareWorker()] : [rollouts];

/** Only where it is asked for: its bundler takes more memory than the worker. */
async function bareWorker(): Promise<Worker> {
  return Worker.create({
    connection,
    taskQueue: BARE_QUEUE,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('./bare-workflow.js', import.meta.url)),
      logger,
    }),
    activities: { nothing: () => Promise.resolve() },
    ...TUNING,
  });
}

process.on('message', (question: Question) => {
  if (question === 'stop') {
    for (const worker of workers) worker.shutdown();
    return;
  }
  if (question === 'reset') delays.reset();
  process.send?.({
    looks: delays.sorted(),
    rssBytes: process.memoryUsage().rss,
    cpuMicros: process.cpuUsage().user + process.cpuUsage().system,
  });
});
process.send?.('ready');
await Promise.all(workers.map((worker) => worker.run()));
await connection.close();
process.disconnect();
