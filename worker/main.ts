// The worker as a program: `node dist/worker/main.js [--state DIR] [--health-port PORT]`.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.js';
import { createTargets } from '../adapters/targets.js';
import { CodecError } from '../codec/errors.js';
import { openEncryption } from '../codec/data-converter.js';
import { TASK_QUEUE } from '../core/names.js';
import { type TemporalSettings, temporalSettings } from '../embedded/connection.js';
import { stateDir } from '../embedded/state-dir.js';
import { EmbeddedError } from '../embedded/errors.js';
import { freePort } from '../embedded/processes.js';
import { activityMetrics } from './activity-metrics.js';
import { workflowBundle } from './bundle.js';
import { serveHealth } from './health.js';
import { createLogger, temporalLogger } from './logger.js';
import { createMetrics } from './metrics.js';
import { sdkMetricsText } from './sdk-metrics.js';
import { rolloutSinks } from './sinks.js';
import { TUNING } from './tuning.js';

/** In the state folder: `{ version, pid, url, temporal, namespace, codecKeys }`, for whoever started this worker. */
const NOTE = 'worker.json';

async function main(logger: Logger): Promise<void> {
  const { state, healthPort } = options();
  const sdkMetricsAddress = `127.0.0.1:${await freePort()}`;
  const sdkLogger = temporalLogger(logger);
  // Before anything else touches the SDK: it takes its runtime once.
  Runtime.install({
    logger: sdkLogger,
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
      metrics: {
        prometheus: {
          bindAddress: sdkMetricsAddress,
          countersTotalSuffix: true,
          unitSuffix: true,
          useSecondsForDurations: true,
        },
      },
    },
    // Ours: the SDK's handlers would swallow a signal that comes before there is a worker to shut down.
    shutdownSignals: [],
  });
  let stop: () => void = () => process.exit(0);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop());

  const settings = await temporalSettings(state);
  const { dataConverter, keyIds } = await openEncryption(process.env);
  const metrics = createMetrics();
  const [connection, bundle] = await Promise.all([
    connect(settings),
    workflowBundle(sdkLogger, dataConverter.failureConverterPath),
  ]);
  const worker = await Worker.create({
    connection,
    namespace: settings.namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: bundle,
    dataConverter,
    activities: createActivities({ targets: createTargets({ hostState: join(state, 'host') }) }),
    interceptors: { activity: [activityMetrics(metrics)] },
    sinks: rolloutSinks(metrics.rollouts),
    ...TUNING,
  });

  const health = await serveHealth(healthPort, {
    ready: () => (worker.getState() === 'RUNNING' ? true : `the worker is ${worker.getState()}`),
    metrics: async () => ({
      contentType: metrics.registry.contentType,
      text: (await metrics.registry.metrics()) + (await sdkMetricsText(sdkMetricsAddress)),
    }),
  });
  try {
    await note(state, {
      url: health.url,
      temporal: settings.address,
      namespace: settings.namespace,
      codecKeys: keyIds,
    });
    logger.info(
      {
        temporal: settings.address,
        namespace: settings.namespace,
        taskQueue: TASK_QUEUE,
        health: health.url,
        codecKeys: keyIds,
      },
      'Worker starts',
    );
    const running = worker.run();
    stop = () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    await running;
    logger.info('Worker ended');
  } finally {
    await rm(join(state, NOTE), { force: true });
    await health.close();
    await connection.close();
  }
}

function options(): { readonly state: string; readonly healthPort: number } {
  const { values } = parseArgs({
    options: { state: { type: 'string' }, 'health-port': { type: 'string', default: '0' } },
  });
  const healthPort = Number(values['health-port']);
  if (!Number.isInteger(healthPort) || healthPort < 0 || healthPort > 65_535) {
    throw new EmbeddedError(
      `--health-port is "${values['health-port']}"; wanted: a port from 1 to 65535, or 0 for a free one`,
    );
  }
  return { state: values.state ?? stateDir(), healthPort };
}

async function connect(settings: TemporalSettings): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(settings.connectionOptions);
  } catch (error) {
    throw new EmbeddedError(
      `Temporal at ${settings.address} does not answer: ${error instanceof Error ? error.message : String(error)}\n` +
        (settings.source === 'stack'
          ? 'It was started by `greenlight up`: run that again.'
          : 'Wanted: the server that TEMPORAL_ADDRESS or the configuration file names. Start it, or correct the address.'),
      { cause: error },
    );
  }
}

async function note(
  state: string,
  where: {
    readonly url: string;
    readonly temporal: string;
    readonly namespace: string;
    readonly codecKeys: readonly string[];
  },
): Promise<void> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  const beside = join(state, `${NOTE}.part`);
  await writeFile(beside, `${JSON.stringify({ version: 1, pid: process.pid, ...where })}\n`);
  await rename(beside, join(state, NOTE));
}

const logger = createLogger();
main(logger).then(
  // The runtime's own threads would keep the process for a while.
  () => process.exit(0),
  (error: unknown) => {
    if (error instanceof EmbeddedError || error instanceof CodecError) logger.fatal(error.message);
    else logger.fatal({ err: error }, 'Worker failed');
    process.exit(1);
  },
);
