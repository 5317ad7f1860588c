// The worker as a program: `node dist/worker/main.js [--state DIR] [--health-port PORT] [--health-host ADDRESS] [--version BUILD-ID|auto [--make-current]]`.
import { isIP } from 'node:net';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from '@temporalio/client';
import { makeTelemetryFilterString, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/index.js';
import { machineSecrets } from '../adapters/secrets.js';
import { createTargets } from '../adapters/targets.js';
import { CodecError } from '../codec/errors.js';
import { GreenlightError } from '../client/errors.js';
import { findTemporal } from '../client/temporal.js';
import { TASK_QUEUE } from '../core/names.js';
import type { TemporalSettings } from '../embedded/connection.js';
import { stateDir } from '../embedded/state-dir.js';
import { EmbeddedError } from '../embedded/errors.js';
import { freePort } from '../embedded/processes.js';
import { removeWorkerNote, writeWorkerNote } from '../embedded/worker-note.js';
import type { Tracing } from '../telemetry/tracing.js';
import { tracesWanted } from '../telemetry/wanted.js';
import { activityMetrics } from './activity-metrics.js';
import { workflowBundle } from './bundle.js';
import { serveHealth } from './health.js';
import { serveLinks } from './links.js';
import { createLogger, temporalLogger } from './logger.js';
import { createMetrics } from './metrics.js';
import { linkSettings, notifierOf } from './notify.js';
import { sdkMetricsText } from './sdk-metrics.js';
import { runWorker, shutDown } from './run.js';
import { rolloutSinks } from './sinks.js';
import { TUNING } from './tuning.js';
import { deploymentOptions, makeCurrent } from './versioning.js';

async function main(logger: Logger): Promise<void> {
  const { state, healthPort, healthHost, version, current } = options();
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

  const metrics = createMetrics();
  const tracing = await workerTracing();
  const plugins = tracing === undefined ? [] : [tracing.plugin];
  const settings = await findTemporal({ env: process.env, stateDir: state });
  const { dataConverter, keyIds } = settings.encryption;
  const links = await linkSettings(process.env);
  const notifier = await notifierOf(process.env, links, settings);
  const [connection, bundle] = await Promise.all([
    connect(settings),
    workflowBundle(sdkLogger, {
      failureConverterPath: dataConverter.failureConverterPath,
      plugins,
      otherwise: join(state, 'workflow-bundle'),
    }),
  ]);
  // By what workflows do: the same code has the same id, wherever it was built.
  const buildId = version === 'auto' ? basename(bundle.codePath, '.js') : version;
  const worker = await Worker.create({
    connection,
    namespace: settings.namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: bundle,
    dataConverter,
    activities: createActivities({
      targets: createTargets({ hostState: join(state, 'host') }),
      secrets: machineSecrets(process.env),
      notifier,
    }),
    interceptors: { activity: [activityMetrics(metrics)] },
    sinks: rolloutSinks(metrics.rollouts),
    ...(buildId === null ? {} : { workerDeploymentOptions: deploymentOptions(buildId) }),
    plugins,
    ...TUNING,
  });

  const health = await serveHealth(
    healthPort,
    {
      ready: () => (worker.getState() === 'RUNNING' ? true : `the worker is ${worker.getState()}`),
      metrics: async () => ({
        contentType: metrics.registry.contentType,
        text: (await metrics.registry.metrics()) + (await sdkMetricsText(sdkMetricsAddress)),
      }),
    },
    healthHost,
  );
  const answers =
    links === null
      ? null
      : await serveLinks(links, links.signer, {
          client: new Client({ connection, namespace: settings.namespace, dataConverter }),
          place: settings,
        });
  await writeWorkerNote(state, {
    pid: process.pid,
    url: health.url,
    temporal: settings.address,
    namespace: settings.namespace,
    codecKeys: [...keyIds],
  });
  logger.info(
    {
      temporal: settings.address,
      namespace: settings.namespace,
      taskQueue: TASK_QUEUE,
      health: health.url,
      codecKeys: keyIds,
      buildId,
      ...(answers === null ? {} : { links: answers.url }),
    },
    'Worker starts',
  );
  // From here on the worker runs, and so lets go of the connection in the end.
  stop = () => shutDown(worker);
  try {
    await runWorker(worker, async () => {
      if (buildId === null || !current) return;
      if (await makeCurrent(connection, settings.namespace, buildId)) {
        logger.info({ buildId }, 'New rollouts begin with this version');
      } else {
        logger.warn({ buildId }, 'This version was replaced: it ends the rollouts it has');
      }
    });
    logger.info('Worker ended');
  } finally {
    await removeWorkerNote(state, process.pid);
    await health.close();
    await answers?.close();
    await connection.close();
    await tracing?.flush();
  }
}

/** Loaded when it is asked for, by OpenTelemetry's standard variables. */
async function workerTracing(): Promise<Tracing | undefined> {
  if (!tracesWanted(process.env)) return undefined;
  const { startTracing } = await import('../telemetry/tracing.js');
  return startTracing('greenlight-worker');
}

interface Options {
  readonly state: string;
  readonly healthPort: number;
  /** Address that health and metrics are served on. */
  readonly healthHost: string;
  /** Build id of its Worker Deployment version; `auto`: by the workflow code; null: no versioning. */
  readonly version: string | null;
  /** Whether new rollouts begin with that version. */
  readonly current: boolean;
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      state: { type: 'string' },
      'health-port': { type: 'string', default: '0' },
      'health-host': { type: 'string', default: '127.0.0.1' },
      version: { type: 'string' },
      'make-current': { type: 'boolean', default: false },
    },
  });
  const healthPort = Number(values['health-port']);
  if (!Number.isInteger(healthPort) || healthPort < 0 || healthPort > 65_535) {
    throw new EmbeddedError(
      `--health-port is "${values['health-port']}"; wanted: a port from 1 to 65535, or 0 for a free one`,
    );
  }
  const healthHost = values['health-host'];
  if (isIP(healthHost) === 0) {
    throw new EmbeddedError(
      `--health-host is "${healthHost}"; wanted: an address to listen on, such as 0.0.0.0 for every one of this machine`,
    );
  }
  const version = values.version ?? process.env['GREENLIGHT_WORKER_VERSION'] ?? null;
  const current = values['make-current'];
  if (version !== null && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(version)) {
    throw new EmbeddedError(
      `--version is "${version}"; wanted: a build id of letters, digits, dots, dashes and underscores, such as a git revision, or auto`,
    );
  }
  if (current && version === null) {
    throw new EmbeddedError(
      '--make-current needs a version to make current; wanted: --version BUILD-ID, or --version auto',
    );
  }
  return { state: values.state ?? stateDir(), healthPort, healthHost, version, current };
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

const logger = createLogger();
main(logger).then(
  // The runtime's own threads would keep the process for a while.
  () => process.exit(0),
  (error: unknown) => {
    const known = [EmbeddedError, CodecError, GreenlightError].some((kind) => error instanceof kind);
    if (known && error instanceof Error) logger.fatal(error.message);
    else logger.fatal({ err: error }, 'Worker failed');
    process.exit(1);
  },
);
