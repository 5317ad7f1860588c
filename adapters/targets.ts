import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Target, targetName } from '../core/plan.js';
import type { ArmSettings } from './azureml/arm-client.js';
import type { AzureMlSettings } from './azureml/endpoints.js';
import type { RouteSlots } from './prometheus/templates.js';
import { type AdminEndpoints, type Metrics, type OwnMetrics, PortError, type TargetPorts } from './ports.js';

/** What the endpoint host writes when it listens: where it, its gateway and its secrets are. */
const HostNote = z.object({
  url: z.string(),
  caFile: z.string(),
  tokenFile: z.string(),
  envoyAdminUrl: z.string(),
  clusterPattern: z.string(),
});
type HostNote = z.infer<typeof HostNote>;

/** The ports of a target, with what people do with endpoints beyond a rollout's needs. */
export interface AdminTargetPorts extends TargetPorts {
  readonly endpoints: AdminEndpoints;
}

/** The subscription and resource group under which a host serves its workspaces: it does not tell any apart. */
const HOST_SUBSCRIPTION = '00000000-0000-0000-0000-000000000000';
const HOST_RESOURCE_GROUP = 'local';

/**
 * Where the worker and the CLI get the ports of a target.
 *
 * @param options.hostState - state folder of this machine's endpoint host; its note there is read at each use, because
 *   a restarted host may listen elsewhere.
 * @returns a function that gives a target's ports as they are now; it throws a transient PortError `HostNotRunning`
 *   when the target is the host and there is no note of it.
 */
export function createTargets(options: {
  readonly hostState: string;
  /** Where the source of the user's own metrics is named; default the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}): (target: Target) => Promise<AdminTargetPorts> {
  const note = hostNoteReader(options.hostState);
  const ownMetrics = ownMetricsOf(options.env ?? process.env);
  const known = new Map<string, { readonly note: HostNote | null; readonly ports: AdminTargetPorts }>();

  return async (target) => {
    const name = targetName(target);
    const current = target.kind === 'host' ? await note() : null;
    const last = known.get(name);
    // The same note object means the same file: connections and shared scrapes are kept.
    if (last?.note === current && last !== undefined) return last.ports;
    // Counters are Envoy's, which outlives its host: the shared scrape goes on when only the host moved.
    const metrics = last?.note?.clusterPattern === current?.clusterPattern ? last?.ports.metrics : undefined;
    const ports =
      target.kind === 'host' && current !== null
        ? await hostPorts(target.workspace, current, note, metrics)
        : target.kind === 'kubernetes'
          ? await kubernetesPorts(target, options.env ?? process.env)
          : await azurePorts(target, options.env ?? process.env);
    const all = { ...ports, ...(await ownMetrics()) };
    known.set(name, { note: current, ports: all });
    return all;
  };
}

/** One for all targets, so that readings are shared. */
function ownMetricsOf(
  env: Readonly<Record<string, string | undefined>>,
): () => Promise<{ readonly own?: OwnMetrics }> {
  let made: Promise<{ readonly own?: OwnMetrics }> | undefined;
  const make = async () => {
    if (!env['GREENLIGHT_PROMETHEUS_URL']) return {};
    const { createOwnMetrics } = await import('./prometheus/own-metrics.js');
    const own = createOwnMetrics(env);
    return own === undefined ? {} : { own };
  };
  return () => (made ??= make());
}

async function hostPorts(
  workspace: string,
  host: HostNote,
  note: () => Promise<HostNote>,
  metrics: Metrics | undefined,
): Promise<AdminTargetPorts> {
  // Adapters are loaded when they are needed: it takes a second, which a command that ends before must not wait.
  const [{ createAzureMlEndpoints }, { createEnvoyMetrics }, { hostPairs }] = await Promise.all([
    import('./azureml/endpoints.js'),
    import('./envoy/metrics.js'),
    import('./envoy/pairs.js'),
  ]);
  const settings = await hostSettings(workspace, host);
  let last = { note: host, settings };
  return {
    endpoints: createAzureMlEndpoints(settings),
    metrics:
      metrics ??
      createEnvoyMetrics({
        adminUrl: async () => (await note()).envoyAdminUrl,
        clusterPattern: host.clusterPattern,
        workspace,
        // These ports' metrics outlive a host that moved.
        pairs: hostPairs(async () => {
          const now = await note();
          if (now !== last.note) last = { note: now, settings: await hostSettings(workspace, now) };
          return last.settings;
        }),
      }),
  };
}

/** How the endpoint host is spoken to. */
async function hostSettings(workspace: string, host: HostNote): Promise<ArmSettings> {
  const { fileCredential } = await import('./azureml/credential.js');
  return {
    baseUrl: host.url,
    subscription: HOST_SUBSCRIPTION,
    resourceGroup: HOST_RESOURCE_GROUP,
    workspace,
    credential: fileCredential(host.tokenFile),
    ca: await readFile(host.caFile, 'utf8'),
  };
}

async function azurePorts(target: Target, env: NodeJS.ProcessEnv): Promise<AdminTargetPorts> {
  const [workspace, { createAzureMlEndpoints }, { createAzureMonitorMetrics }] = await Promise.all([
    openWorkspace(target, env),
    import('./azureml/endpoints.js'),
    import('./azure-monitor/metrics.js'),
  ]);
  return { endpoints: createAzureMlEndpoints(workspace), metrics: createAzureMonitorMetrics(workspace) };
}

/** How a workspace on Azure is spoken to: with the credentials that Azure's SDKs find in the environment. */
export async function openWorkspace(
  target: Target,
  env: NodeJS.ProcessEnv = process.env,
): Promise<AzureMlSettings> {
  if (target.kind !== 'azureml') throw new TypeError(`${targetName(target)} is not an Azure ML workspace`);
  const [{ DefaultAzureCredential }, { cloudOf }] = await Promise.all([
    import('@azure/identity'),
    import('./azureml/clouds.js'),
  ]);
  const { managementUrl, scoringScope } = cloudOf(env['AZURE_AUTHORITY_HOST']);
  return {
    baseUrl: managementUrl,
    scoringScope,
    subscription: target.subscription,
    resourceGroup: target.resourceGroup,
    workspace: target.workspace,
    credential: new DefaultAzureCredential(),
  };
}

/**
 * What changes from machine to machine stands in the environment: `GREENLIGHT_PROMETHEUS_URL` (and what belongs to it),
 * `GREENLIGHT_GATEWAY_URL` where the gateway is reached under another address than its own, and `GREENLIGHT_GATEWAY`, the
 * one that new endpoints are put behind.
 */
async function kubernetesPorts(
  { namespace, context }: Extract<Target, { kind: 'kubernetes' }>,
  env: NodeJS.ProcessEnv,
): Promise<AdminTargetPorts> {
  const [{ connect }, { createKubernetesEndpoints }] = await Promise.all([
    import('./kubernetes/connection.js'),
    import('./kubernetes/endpoints.js'),
  ]);
  const { endpoints, autoscaling } = createKubernetesEndpoints({
    connection: connect(context),
    namespace,
    ...given('gatewayUrl', env['GREENLIGHT_GATEWAY_URL']),
    ...given('gateway', env['GREENLIGHT_GATEWAY']),
  });
  const slots = (endpoint: string, signal?: AbortSignal) => endpoints.slots(endpoint, signal);
  return { endpoints, autoscaling, metrics: await proxyMetrics(env, slots) };
}

/** What a proxy counts, as the Prometheus of the environment has it. */
async function proxyMetrics(
  env: NodeJS.ProcessEnv,
  slots: (endpoint: string, signal?: AbortSignal) => Promise<RouteSlots>,
): Promise<Metrics> {
  const [{ createPrometheusMetrics }, { routedQueries }, { prometheusConnection }, { proxyQueries }] =
    await Promise.all([
      import('./prometheus/metrics.js'),
      import('./prometheus/templates.js'),
      import('./prometheus/connection.js'),
      import('./prometheus/proxies.js'),
    ]);
  try {
    const connection = prometheusConnection(env);
    if (connection === undefined) return withoutMetrics(noSource());
    const queries = (await proxyQueries(env)) ?? routedQueries({ slots });
    return createPrometheusMetrics({ connection, queries });
  } catch (error) {
    // Told by every reading, and by nothing else: a rollback needs no numbers.
    if (error instanceof PortError) return withoutMetrics(error);
    throw error;
  }
}

function given<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return (value === undefined || value === '' ? {} : { [key]: value }) as { readonly [P in K]?: string };
}

/** A cluster keeps no numbers of its own: without a source, endpoints can be looked at and nothing can be judged. */
function withoutMetrics(why: PortError): Metrics {
  return {
    capabilities: { histograms: true, mirrored: true },
    read: () => Promise.reject(why),
  };
}

function noSource(): PortError {
  return new PortError(
    'There is no metric source for Kubernetes targets: GREENLIGHT_PROMETHEUS_URL is not set; set it to the address of the Prometheus that scrapes the gateway, for the worker and for the command line',
    { kind: 'permanent', code: 'NoMetricSource' },
  );
}

/** Reads the host's note again when its file changed; gives the same object while it did not. */
function hostNoteReader(hostState: string): () => Promise<HostNote> {
  const file = join(hostState, 'host.json');
  let last: { readonly version: string; readonly note: HostNote } | undefined;
  return async () => {
    try {
      const { mtimeMs, ino } = await stat(file);
      const version = `${ino}/${mtimeMs}`;
      if (last?.version !== version) {
        last = { version, note: HostNote.parse(JSON.parse(await readFile(file, 'utf8'))) };
      }
      return last.note;
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw new PortError(
        missing
          ? `There is no endpoint host: ${file} does not exist; name the target with --target or GREENLIGHT_TARGET if it is another one, or start the host with \`greenlight up\``
          : `The note of the endpoint host, ${file}, cannot be read: ${error instanceof Error ? error.message : String(error)}; ` +
              'start the host again with `greenlight up`',
        { kind: 'transient', code: 'HostNotRunning' },
        { cause: error },
      );
    }
  };
}
