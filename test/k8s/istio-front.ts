import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CustomObjectsApi } from '@kubernetes/client-node';
import type { Bed } from '../../embedded/kubernetes/bed.js';
import { ISTIO_GATEWAY, ISTIO_GATEWAY_URL } from '../../embedded/kubernetes/istio.js';
import { apply, type Manifest } from '../../embedded/kubernetes/objects.js';
import type { Door, Front, FrontPlace } from './namespace.js';

/** Istio's own gateway, with VirtualServices, counted by its proxy: docs/metrics.md has the same file for such a namespace. */
export async function istioGateway({ bed, folder, namespace }: FrontPlace): Promise<Front> {
  await bed.startIstio();
  const file = join(folder, 'proxy.json');
  await writeFile(file, JSON.stringify(gatewayQueries(namespace)));
  // For the worker, for the command line, and for the ports of this process.
  process.env['GREENLIGHT_PROMETHEUS_PROXY_FILE'] = file;
  process.env['GREENLIGHT_GATEWAY_URL'] = ISTIO_GATEWAY_URL;
  return {
    url: ISTIO_GATEWAY_URL,
    gatewayNamespace: ISTIO_GATEWAY.namespace,
    openRoute: (door, service) => apply(bed.kubeConfig(), [virtualService(namespace, door, service)]),
  };
}

/** As a team would write it by hand: one rule, without shares. */
export function virtualService(namespace: string, { endpoint, host }: Door, service: string): Manifest {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: endpoint, namespace },
    spec: {
      hosts: [host],
      gateways: [`${ISTIO_GATEWAY.namespace}/${ISTIO_GATEWAY.name}`],
      http: [{ name: 'score', route: [{ destination: { host: service } }] }],
    },
  };
}

function gatewayQueries(namespace: string): object {
  const cluster = `cluster_name="outbound|80||$endpoint-$deployment.${namespace}.svc.cluster.local"`;
  return {
    proxy: 'other',
    requests: `envoy_cluster_upstream_rq_completed{${cluster}}`,
    errors: `envoy_cluster_upstream_rq{${cluster},response_code=~"5..|408|424|429"}`,
    buckets: { query: `envoy_cluster_upstream_rq_time_bucket{${cluster}}`, unit: 'ms' },
    beyond: `envoy_cluster_upstream_rq_timeout{${cluster}}`,
    active: `envoy_cluster_upstream_rq_active{${cluster}}`,
    mirrored: true,
  };
}

/** `spec.http` of an endpoint's VirtualService, as it is stored. */
export async function rulesOf(bed: Bed, namespace: string, name: string): Promise<unknown> {
  const found = (await bed.kubeConfig().makeApiClient(CustomObjectsApi).getNamespacedCustomObject({
    group: 'networking.istio.io',
    version: 'v1',
    plural: 'virtualservices',
    namespace,
    name,
  })) as { spec: { http: unknown } };
  return found.spec.http;
}
