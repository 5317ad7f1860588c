import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureDaemon } from '../daemons.js';
import { ENVOY_ADMIN_URL } from './gateway.js';
import { get } from './http.js';
import { ISTIO_ENVOY_ADMIN_URL } from './istio.js';

export const PROMETHEUS_URL = 'http://127.0.0.1:9090';
const READY_WITHIN_MS = 60_000;

/** Starts a Prometheus that reads the gateways' proxies once a second; one that runs is left alone. */
export async function startPrometheus(folder: string, executable: string): Promise<void> {
  const state = join(folder, 'prometheus');
  await mkdir(state, { recursive: true });
  const settings = {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [
      proxyJob('envoy-gateway-proxy', ENVOY_ADMIN_URL),
      // Not there until a test starts it.
      proxyJob('istio-proxy', ISTIO_ENVOY_ADMIN_URL),
    ],
  };
  const file = join(state, 'prometheus.yml');
  await writeFile(file, JSON.stringify(settings, null, 2));
  await ensureDaemon(
    state,
    {
      name: 'prometheus',
      command: executable,
      args: [
        `--config.file=${file}`,
        `--storage.tsdb.path=${join(state, 'data')}`,
        `--web.listen-address=${new URL(PROMETHEUS_URL).host}`,
        '--log.level=warn',
      ],
    },
    () => get(`${PROMETHEUS_URL}/-/ready`),
    READY_WITHIN_MS,
  );
}

function proxyJob(name: string, adminUrl: string): object {
  return {
    job_name: name,
    metrics_path: '/stats/prometheus',
    static_configs: [{ targets: [new URL(adminUrl).host] }],
    metric_relabel_configs: [
      { source_labels: ['__name__'], regex: 'envoy_(cluster|http|server)_.*', action: 'keep' },
    ],
  };
}
