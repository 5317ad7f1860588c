import { beforeEach, describe, expect, it } from 'vitest';

import { ROUTE, status, type Asked } from './fake-api-server.js';
import { BACK, half, onFakeServer } from './on-fake-server.js';
import { deploymentSpec } from './specs.js';

let { api, endpoints } = onFakeServer();
beforeEach(() => void ({ api, endpoints } = onFakeServer()));

describe('deleting a deployment', () => {
  it('refuses while it gets traffic', async () => {
    await expect(endpoints.deleteDeployment('diabetes', 'blue')).rejects.toThrow(
      'Deployment blue of diabetes still gets traffic (blue 100 %); it is not deleted',
    );
    expect(api.writes()).toEqual([]);
  });

  it('refuses while the gateway has not taken the rules that took its traffic away', async () => {
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});
    const before = api.writes().length;
    api.route.metadata.generation += 1;

    await expect(endpoints.deleteDeployment('diabetes', 'green')).rejects.toMatchObject({
      kind: 'transient',
      message: expect.stringContaining('green of diabetes may still get requests') as string,
    });
    expect(api.writes()).toHaveLength(before);
    api.accept();
    await endpoints.deleteDeployment('diabetes', 'green');
  });

  it('takes it out of the route first, and ends well when it is gone already', async () => {
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});
    api.asked.length = 0;

    await endpoints.deleteDeployment('diabetes', 'green');
    await endpoints.deleteDeployment('diabetes', 'green');

    expect(api.writes()).toEqual([
      'PATCH httproutes/diabetes',
      'DELETE services/diabetes-green',
      'DELETE deployments/diabetes-green',
    ]);
    expect(JSON.stringify(api.route.spec)).not.toContain('green');
  });

  it('means the objects that it has seen, and no others that are made under their names since', async () => {
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});
    const parts = ['/api/v1/namespaces/models/services', '/apis/apps/v1/namespaces/models/deployments'];
    for (const part of parts)
      Object.assign(api.objects.get(`${part}/diabetes-green`)?.metadata ?? {}, { uid: part });

    await endpoints.deleteDeployment('diabetes', 'green');

    const meant = api.asked.filter(({ method }) => method === 'DELETE').map(({ body }) => body);
    expect(meant).toMatchObject(parts.map((uid) => ({ preconditions: { uid } })));
  });

  describe('that somebody goes back to meanwhile', () => {
    const rules = (blue: number, green: number) => [
      {
        backendRefs: [
          { name: 'diabetes-blue', port: 80, weight: blue },
          { name: 'diabetes-green', port: 80, weight: green },
        ],
      },
    ];
    const write = (blue: number, green: number): void => {
      api.fault = () => undefined;
      (api.route.spec as { rules: object[] }).rules = rules(blue, green);
      api.route.metadata.generation += 1;
      api.accept();
    };
    const isPatch = ({ method, path }: Asked) => path === ROUTE && method === 'PATCH';
    const deletions = () => api.writes().filter((one) => one.startsWith('DELETE'));

    beforeEach(() => {
      api.addDeployment('green');
      write(0, 100);
    });

    it.each([
      ['it is all at blue', 100, 0, 'Outdated'],
      ['it has begun to be', 1, 1_000_000, 'NotTakenYet'],
    ])('stays, where the gateway is slow to take the rules and %s', async (_, blue, green, code) => {
      api.gateway = () => [{ type: 'Accepted', status: 'Unknown' }];
      api.fault = ({ method, path }) => {
        if (method === 'GET' && path === ROUTE && api.asked.some(isPatch)) write(blue, green);
        return undefined;
      };

      await expect(endpoints.deleteDeployment('diabetes', 'blue')).rejects.toMatchObject({
        kind: 'transient',
        code,
      });
      expect(deletions()).toEqual([]);
      expect(api.route.spec?.['rules']).toEqual(rules(blue, green));
    });

    it('stays, with the rules as they were written, between reading and writing', async () => {
      api.fault = (asked) => {
        if (!isPatch(asked)) return undefined;
        write(100, 0);
        return status(409, 'Conflict', 'the object has been modified');
      };

      await expect(endpoints.deleteDeployment('diabetes', 'blue')).rejects.toMatchObject({
        kind: 'transient',
        code: 'Outdated',
      });
      expect(deletions()).toEqual([]);
      expect(api.route.spec?.['rules']).toEqual(rules(100, 0));
    });

    it('stays while that is half made', async () => {
      write(1, 1_000_000);

      await expect(endpoints.deleteDeployment('diabetes', 'blue')).rejects.toMatchObject({
        kind: 'transient',
        code: 'NotTakenYet',
      });
      expect(api.writes()).toEqual([]);
    });
  });
});

describe('the autoscaler of a deployment that is deleted', () => {
  const SCALER = '/apis/autoscaling/v2/namespaces/models/horizontalpodautoscalers/diabetes-eu-v2';
  const put = (endpoint: string, deployment: string) =>
    api.put(SCALER, {
      metadata: {
        name: 'diabetes-eu-v2',
        labels: {
          'greenlight/endpoint': endpoint,
          'greenlight/deployment': deployment,
          'app.kubernetes.io/managed-by': 'greenlight',
        },
      },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'diabetes-eu-v2' }, maxReplicas: 3 },
    });

  it('goes with it, also where the Deployment is gone already', async () => {
    put('diabetes', 'eu-v2');
    await endpoints.deleteDeployment('diabetes', 'eu-v2');
    expect(api.writes()).toEqual(['DELETE horizontalpodautoscalers/diabetes-eu-v2']);
  });

  it('stays where it is another endpoint’s, whose deployment is called the same', async () => {
    put('diabetes-eu', 'v2');
    await endpoints.deleteDeployment('diabetes', 'eu-v2');
    expect(api.writes()).toEqual([]);
  });
});

describe('deleting a deployment whose Service is gone', () => {
  const SERVICE = '/api/v1/namespaces/models/services/diabetes-green';

  it('takes it out of the route all the same', async () => {
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});
    expect(JSON.stringify(api.route.spec)).toContain('green');
    api.objects.delete(SERVICE);

    await endpoints.deleteDeployment('diabetes', 'green');

    expect(JSON.stringify(api.route.spec)).not.toContain('green');
    expect((await endpoints.read('diabetes')).traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('refuses while the route still gives it traffic', async () => {
    api.addDeployment('green');
    await endpoints.writeTraffic('diabetes', half);
    api.objects.delete(SERVICE);

    await expect(endpoints.deleteDeployment('diabetes', 'green')).rejects.toMatchObject({
      code: 'HasTraffic',
    });
  });
});

describe('a Service that lacks the labels of its deployment', () => {
  const SERVICE = '/api/v1/namespaces/models/services/diabetes-green';
  const rules = () => api.route.spec?.['rules'] as object[];
  const canary = () => ({
    matches: [{ path: { value: '/canary' } }],
    backendRefs: [{ name: 'diabetes-green', port: 80 }],
  });
  beforeEach(() => {
    api.put(SERVICE, { metadata: { name: 'diabetes-green' }, spec: { ports: [{ port: 80 }] } });
  });

  it.each(['push', 'unshift'] as const)(
    'keeps the team’s rules when a creation is undone (%s)',
    async (at) => {
      rules()[at](canary());
      const before = structuredClone(rules());

      await endpoints.deleteDeployment('diabetes', 'green');

      expect(api.writes()).toEqual([]);
      expect(rules()).toEqual(before);
    },
  );

  it('keeps them in a rollback, also where the Service is gone altogether', async () => {
    api.addDeployment('green');
    api.put(SERVICE, { metadata: { name: 'diabetes-green' }, spec: { ports: [{ port: 80 }] } });
    rules().push(canary());
    const back = { live: { blue: 100 }, mirror: {} };

    await endpoints.writeTraffic('diabetes', back, BACK);
    expect(rules()[1]).toEqual(canary());
    api.objects.delete(SERVICE);
    await endpoints.writeTraffic('diabetes', back, BACK);
    expect(rules()[1]).toEqual(canary());
    await expect(endpoints.deleteDeployment('diabetes', 'green')).rejects.toMatchObject({
      code: 'HasTraffic',
      message: expect.stringContaining('green (rule 2) 100 %') as string,
    });
  });
});
