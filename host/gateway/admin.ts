import { request } from 'undici';
import { parseSample, SAMPLE_FILTER, type ClusterSample } from '../metrics/envoy-stats.js';

/** What Envoy's admin page says about the configuration it has taken. */
export interface AppliedConfig {
  readonly clustersVersion: string;
  readonly warmingClusters: number;
  readonly clusterRejections: number;
}

/** Reads Envoy's admin page. Every call fails while Envoy is down. */
export class EnvoyAdmin {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async isReady(): Promise<boolean> {
    try {
      const { statusCode, body } = await request(`${this.#url}/ready`, {
        headersTimeout: 2_000,
        bodyTimeout: 2_000,
      });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false;
    }
  }

  async clusters(): Promise<AppliedConfig> {
    const filter = '^cluster_manager\\.(cds\\.(version_text|update_rejected)|warming_clusters)$';
    const { stats } = (await this.#get(`/stats?format=json&filter=${encodeURIComponent(filter)}`)) as {
      stats: readonly { readonly name: string; readonly value: string | number }[];
    };
    const value = (name: string): string | number | undefined =>
      stats.find((stat) => stat.name === `cluster_manager.${name}`)?.value;
    return {
      clustersVersion: String(value('cds.version_text') ?? ''),
      warmingClusters: Number(value('warming_clusters') ?? 0),
      clusterRejections: Number(value('cds.update_rejected') ?? 0),
    };
  }

  async listeners(): Promise<{ readonly version: string; readonly warming: number }> {
    const filter = '^listener_manager\\.(lds\\.version_text|total_listeners_warming)$';
    const { stats } = (await this.#get(`/stats?format=json&filter=${encodeURIComponent(filter)}`)) as {
      stats: readonly { readonly name: string; readonly value: string | number }[];
    };
    const value = (name: string) => stats.find((stat) => stat.name === `listener_manager.${name}`)?.value;
    return {
      version: String(value('lds.version_text') ?? ''),
      warming: Number(value('total_listeners_warming') ?? 0),
    };
  }

  /** Version of a route table that requests are routed by now. */
  async routes(name: string): Promise<{ readonly version: string; readonly rejected: string | undefined }> {
    const dump = (await this.#get('/config_dump?resource=dynamic_route_configs')) as {
      configs?: readonly {
        readonly version_info?: string;
        readonly route_config?: { readonly name?: string };
        readonly error_state?: { readonly version_info?: string; readonly details?: string };
      }[];
    };
    const config = dump.configs?.find(({ route_config: table }) => table?.name === name);
    return { version: config?.version_info ?? '', rejected: config?.error_state?.details };
  }

  /** Has it open its access logs anew, where they are expected to be. */
  async reopenLogs(): Promise<void> {
    const { statusCode, body } = await request(`${this.#url}/reopen_logs`, {
      method: 'POST',
      headersTimeout: 2_000,
      bodyTimeout: 2_000,
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`Envoy's admin page answered ${statusCode} to /reopen_logs`);
  }

  /** Loopback ports that any cluster sends requests to. */
  async ports(): Promise<ReadonlySet<number>> {
    const { cluster_statuses = [] } = (await this.#get('/clusters?format=json')) as {
      cluster_statuses?: readonly {
        readonly host_statuses?: readonly {
          readonly address?: { readonly socket_address?: { readonly port_value?: number } };
        }[];
      }[];
    };
    return new Set(
      cluster_statuses.flatMap((cluster) =>
        (cluster.host_statuses ?? []).flatMap((host) => host.address?.socket_address?.port_value ?? []),
      ),
    );
  }

  /** What the clusters of deployments have counted, and what is in them now. */
  async sample(): Promise<ReadonlyMap<string, ClusterSample>> {
    const query = new URLSearchParams({
      ...{ format: 'json', histogram_buckets: 'detailed' },
      filter: SAMPLE_FILTER,
    });
    return parseSample(await this.#get(`/stats?${query}`));
  }

  /** Requests that are in every cluster now, those that wait for a connection included; by its name. */
  async active(): Promise<ReadonlyMap<string, number>> {
    const filter = '^cluster\\..*~(live|direct|mirror)\\.upstream_rq_(active|pending_active)$';
    const sample = parseSample(await this.#get(`/stats?format=json&filter=${encodeURIComponent(filter)}`));
    return new Map([...sample].map(([name, { active }]) => [name, active]));
  }

  /** Requests that are in the clusters with that prefix now. */
  async activeRequests(clusterPrefix: string): Promise<number> {
    const filter = `^cluster\\.${clusterPrefix}.*\\.upstream_rq_active$`;
    const { stats } = (await this.#get(`/stats?format=json&filter=${encodeURIComponent(filter)}`)) as {
      stats: readonly { readonly value?: number }[];
    };
    return stats.reduce((sum, stat) => sum + (stat.value ?? 0), 0);
  }

  async #get(path: string): Promise<unknown> {
    const { statusCode, body } = await request(`${this.#url}${path}`, {
      headersTimeout: 5_000,
      bodyTimeout: 5_000,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`Envoy's admin page answered ${statusCode} to ${path}: ${text}`);
    return JSON.parse(text);
  }
}
