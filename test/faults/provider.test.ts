import { expect, vi } from 'vitest';
import { createAzureMlEndpoints } from '../../adapters/azureml/endpoints.js';
import { createEnvoyMetrics } from '../../adapters/envoy/metrics.js';
import { startHost } from '../adapters/azureml/host-process.js';
import type { Call, Service } from './fault-proxy.js';
import { isTaken } from './orders.js';
import { describeProviderFaults, type Provider } from './provider.js';

// What is concurrent waits, most of its time.
vi.setConfig({ testTimeout: 180_000, maxConcurrency: 8 });

const CODES = { '409': 'Conflict', '429': 'TooManyRequests', '500': 'InternalServerError' } as const;

describeProviderFaults(startHostProvider, {
  methods: ['GET', 'PUT', 'POST', 'DELETE'],
  isWrite: ({ method, path }) => method === 'PUT' && !path.includes('deployments'),
  isCreation: (call) => isOf(call, 'PUT', 'green'),
  isDeletion: (call) => isOf(call, 'DELETE', 'green'),
  once: {
    'creates green': (call) => isTaken(call) && isOf(call, 'PUT', 'green'),
    // 204 is the answer where it is gone already.
    'deletes blue': (call) => isTaken(call) && call.status !== 204 && isOf(call, 'DELETE', 'blue'),
  },
  refusal: /500 InternalServerError/,
  manyCalls: false,
  lags: true,
});

function isOf({ method, path }: Call, asked: string, deployment: string): boolean {
  return method === asked && path.endsWith(`/deployments/${deployment}`);
}

/** The endpoint host, and the adapter for Azure ML. */
async function startHostProvider(): Promise<Provider> {
  const host = await startHost();
  const endpoints = createAzureMlEndpoints(host.settings);
  return {
    service: serviceOf(host.file.url, host.settings.ca ?? ''),
    endpoints,
    commandLine: ['--state', host.folder, '--target', 'host/local'],
    deployment: (name) => host.deployment(name),
    stop: () => host.stop(),
    async createEndpoint(name) {
      await endpoints.createEndpoint({ name });
      await endpoints.createDeployment(name, host.deployment('blue'), {});
      await vi.waitFor(
        async () => expect((await endpoints.readDeployment(name, 'blue'))?.state).toBe('ready'),
        { timeout: 30_000, interval: 100 },
      );
      await endpoints.writeTraffic(name, { live: { blue: 100 }, mirror: {} });
    },
    through: ({ server }, deadlineMs) =>
      Promise.resolve({
        endpoints: createAzureMlEndpoints({
          ...host.settings,
          baseUrl: server.url,
          ca: server.ca,
          scoringFetch: (url, init) => fetch(url, init as RequestInit),
          deadlineMs,
        }),
        metrics: createEnvoyMetrics({
          adminUrl: host.file.envoyAdminUrl,
          clusterPattern: host.file.clusterPattern,
          workspace: 'local',
        }),
      }),
  };
}

function serviceOf(url: string, ca: string): Service {
  return {
    url,
    ca,
    refusal: (status) => ({ error: { code: CODES[status], message: 'by request of the test' } }),
    // Under the workspace: `/onlineEndpoints/…/deployments/green`.
    pathOf: (asked) => {
      const path = new URL(asked, 'https://proxy').pathname.replace(/^.*\/workspaces\/[^/]+/, '');
      return path.replace(/[^/]*[0-9a-f]{8}-[0-9a-f-]{20,}[^/]*/g, '…');
    },
    // Also that a deployment is not there.
    shows: (asked) => !asked.includes('Operations'),
  };
}
