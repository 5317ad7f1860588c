import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { connect, type Connection } from '../../adapters/kubernetes/connection.js';
import { createKubernetesEndpoints } from '../../adapters/kubernetes/endpoints.js';
import { vi } from 'vitest';
import type { Service } from '../faults/fault-proxy.js';
import { modelDeployment } from '../faults/kubernetes-world.js';
import { describeProviderFaults, type Provider } from '../faults/provider.js';
import { makePlace, ModelNamespace } from './namespace.js';

vi.setConfig({ testTimeout: 180_000 });

describeProviderFaults(startCluster, {
  // Smoke requests go to the gateway, past the API server.
  methods: ['GET', 'PATCH', 'DELETE'],
  isWrite: ({ method, path }) => method === 'PATCH' && path.includes('/httproutes/'),
  isCreation: ({ method, path }) => method === 'PATCH' && /^\/deployments\/.*-green$/.test(path),
  isDeletion: ({ method, path }) => method === 'DELETE' && path.endsWith('-green'),
  // Of one that is there already, the same call is answered 200. That blue is being deleted is told like that it begins.
  once: {
    'creates green': ({ method, path, status }) =>
      method === 'PATCH' && /^\/deployments\/.*-green$/.test(path) && status === 201,
  },
  refusal: /by request of the test/,
  manyCalls: true,
  // An API server shows what was written, and refuses what was made from anything older.
  lags: false,
});

/** The API server of the test bed, and the adapter for Kubernetes with a worker's rights. */
async function startCluster(): Promise<Provider> {
  const models = new ModelNamespace(await makePlace());
  const { endpoints } = await models.ports();
  return {
    service: serviceOf(await readFile(models.kubeConfigFile, 'utf8')),
    endpoints,
    // Its environment names the cluster.
    commandLine: ['--state', models.folder, '--target', `kubernetes/${models.namespace}`],
    deployment: (name) => modelDeployment(name, { NAME: name }),
    stop: () => models.stop(),
    async createEndpoint(name) {
      await models.openEndpoint({}, name);
    },
    async through({ server }, deadlineMs) {
      const file = join(models.folder, `through-${new URL(server.url).port}.kubeconfig`);
      await writeFile(file, await kubeConfigFor(models.kubeConfigFile, server), { mode: 0o600 });
      const through = createKubernetesEndpoints({
        connection: connectBy(file),
        namespace: models.namespace,
        gatewayUrl: models.bed.gatewayUrl,
        deadlineMs,
      });
      return { ...through, metrics: (await models.ports()).metrics };
    },
  };
}

/** As a command with that `KUBECONFIG` would. */
function connectBy(file: string): Connection {
  const before = process.env['KUBECONFIG'];
  process.env['KUBECONFIG'] = file;
  try {
    return connect();
  } finally {
    process.env['KUBECONFIG'] = before;
  }
}

/** The same user at another server, which is to be trusted by its own certificate. */
async function kubeConfigFor(
  file: string,
  { url, ca }: { readonly url: string; readonly ca: string },
): Promise<string> {
  const config = JSON.parse(await readFile(file, 'utf8')) as { clusters: { cluster: object }[] };
  const cluster = { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return JSON.stringify({
    ...config,
    clusters: config.clusters.map((one) => ({ ...one, cluster })),
  });
}

const REASONS = { '409': 'Conflict', '429': 'TooManyRequests', '500': 'InternalError' } as const;

function serviceOf(kubeConfig: string): Service {
  const config = new KubeConfig();
  config.loadFromString(kubeConfig);
  const cluster = config.getCurrentCluster();
  return {
    url: cluster?.server ?? '',
    ca: Buffer.from(cluster?.caData ?? '', 'base64').toString('utf8'),
    refusal: (status) => ({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      message: 'by request of the test',
      reason: REASONS[status],
      code: Number(status),
    }),
    // `/deployments/faults-1-green`; a trial is another call than what it tries.
    pathOf: (asked) => {
      const { pathname, searchParams } = new URL(asked, 'https://proxy');
      const path = pathname.replace(/^.*\/namespaces\/[^/]+/, '');
      return searchParams.has('dryRun') ? `${path} tried` : path;
    },
    shows: (_, status) => status === 200,
  };
}
