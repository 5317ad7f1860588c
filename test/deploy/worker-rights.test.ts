import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { beforeEach, expect, it } from 'vitest';
import { createKubernetesEndpoints } from '../../adapters/kubernetes/endpoints.js';
import { packageRoot } from '../../embedded/package-root.js';
import { FakeApiServer, type Asked } from '../adapters/kubernetes/fake-api-server.js';
import { deploymentSpec } from '../adapters/kubernetes/specs.js';

interface Role {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules: readonly Record<'apiGroups' | 'resources' | 'verbs', readonly string[]>[];
}

const text = await readFile(join(packageRoot(), 'deploy', 'kubernetes', 'rbac.yaml'), 'utf8');
const role = parseAllDocuments(text)
  .map((document) => document.toJS() as Role)
  .find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'greenlight-worker');

/** What a role has to grant for a request in its namespace: `patch apps deployments/scale`. */
function rightOf({ method, path }: Asked): string {
  const [, group = '', kind = '', name, part] =
    /^\/apis?\/(?:([^/]+\.[^/]+|apps|autoscaling)\/)?[^/]+(?:\/namespaces\/models)?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
      path,
    ) ?? [];
  const verb = method === 'GET' ? (name === undefined ? 'list' : 'get') : method.toLowerCase();
  return `${verb} ${group} ${kind}${part === undefined ? '' : `/${part}`}`;
}

function grants(right: string): boolean {
  const [verb = '', group = '', resource = ''] = right.split(' ');
  return (role?.rules ?? []).some(
    ({ apiGroups, resources, verbs }) =>
      apiGroups.includes(group) && resources.includes(resource) && verbs.includes(verb),
  );
}

let api: FakeApiServer;
beforeEach(() => {
  api = new FakeApiServer();
});

it('has each right that a rollout on Kubernetes uses', async () => {
  const { endpoints, autoscaling } = createKubernetesEndpoints({
    connection: api.connection,
    namespace: 'models',
  });

  await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});
  await endpoints.scale('diabetes', 'blue', 4);
  await endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} });
  await endpoints.read('diabetes');
  await endpoints.deleteDeployment('diabetes', 'green');
  scaleByKeda();
  await autoscaling.setMinimum('diabetes', 'blue', { from: 0, to: 1 });

  // Of the whole cluster: gateway-rbac.yaml.
  const used = api.asked.filter(({ path }) => path.includes('/namespaces/')).map(rightOf);
  expect(used).toContain('patch apps deployments/scale');
  expect(used).toContain('patch keda.sh scaledobjects');
  expect([...new Set(used)].filter((right) => !grants(right))).toEqual([]);
});

function scaleByKeda(): void {
  api.put('/apis/autoscaling/v2/namespaces/models/horizontalpodautoscalers/blue', {
    metadata: { name: 'blue', ownerReferences: [{ kind: 'ScaledObject', name: 'blue', controller: true }] },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'diabetes-blue' }, maxReplicas: 4 },
  });
  api.put('/apis/keda.sh/v1alpha1/namespaces/models/scaledobjects/blue', {
    metadata: { name: 'blue' },
    spec: {},
  });
}
