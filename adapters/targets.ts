import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Target, targetName } from '../core/plan.js';
import { fileCredential } from './azureml/credential.js';
import { type AzureMlEndpoints, createAzureMlEndpoints } from './azureml/endpoints.js';
import { createEnvoyMetrics } from './envoy/metrics.js';
import { type Metrics, PortError, type TargetPorts } from './ports.js';

/** What the endpoint host writes when it listens: where it, its gateway and its secrets are. */
const HostNote = z.object({
  url: z.string(),
  caFile: z.string(),
  tokenFile: z.string(),
  envoyAdminUrl: z.string(),
  clusterPattern: z.string(),
});
type HostNote = z.infer<typeof HostNote>;

/** The ports of a target, with what Azure ML endpoints can do beyond a rollout's needs. */
export interface AzureMlTargetPorts extends TargetPorts {
  readonly endpoints: AzureMlEndpoints;
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
}): (target: Target) => Promise<AzureMlTargetPorts> {
  const note = hostNoteReader(options.hostState);
  const known = new Map<string, { readonly note: HostNote | null; readonly ports: AzureMlTargetPorts }>();

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
        : await azurePorts(target);
    known.set(name, { note: current, ports });
    return ports;
  };
}

async function hostPorts(
  workspace: string,
  host: HostNote,
  note: () => Promise<HostNote>,
  metrics: Metrics | undefined,
): Promise<AzureMlTargetPorts> {
  return {
    endpoints: createAzureMlEndpoints({
      baseUrl: host.url,
      subscription: HOST_SUBSCRIPTION,
      resourceGroup: HOST_RESOURCE_GROUP,
      workspace,
      credential: fileCredential(host.tokenFile),
      ca: await readFile(host.caFile, 'utf8'),
    }),
    metrics:
      metrics ??
      createEnvoyMetrics({
        adminUrl: async () => (await note()).envoyAdminUrl,
        clusterPattern: host.clusterPattern,
        workspace,
      }),
  };
}

async function azurePorts(target: Target): Promise<AzureMlTargetPorts> {
  if (target.kind !== 'azureml') throw new TypeError(`${targetName(target)} is not an Azure ML workspace`);
  // Only now: it takes a third of a second to load, and those with a host alone never need it.
  const { DefaultAzureCredential } = await import('@azure/identity');
  return {
    endpoints: createAzureMlEndpoints({
      baseUrl: 'https://management.azure.com',
      subscription: target.subscription,
      resourceGroup: target.resourceGroup,
      workspace: target.workspace,
      credential: new DefaultAzureCredential(),
    }),
    metrics: noMetricsYet(target.workspace),
  };
}

/** Azure Monitor is not read yet: preflight rejects what needs metrics, instead of watching nothing. */
function noMetricsYet(workspace: string): Metrics {
  return {
    capabilities: { histograms: false, mirrored: false },
    read: (endpoint) =>
      Promise.reject(
        new PortError(
          `There is no metric source for endpoint ${endpoint} of Azure ML workspace ${workspace} yet; ` +
            'wanted: a target whose metrics can be read, which is the endpoint host for now',
          { kind: 'permanent', code: 'NoMetricSource' },
        ),
      ),
  };
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
          ? `There is no endpoint host: ${file} does not exist; start it with \`greenlight up\``
          : `The note of the endpoint host, ${file}, cannot be read: ${error instanceof Error ? error.message : String(error)}; ` +
              'start the host again with `greenlight up`',
        { kind: 'transient', code: 'HostNotRunning' },
        { cause: error },
      );
    }
  };
}
