import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  createKubernetesEndpoints,
  type KubernetesEndpoints,
} from '../../../adapters/kubernetes/endpoints.js';
import type { Autoscaling } from '../../../adapters/ports.js';
import { sameTraffic, type Traffic } from '../../../core/traffic.js';
import { deploymentSpec } from './specs.js';
import { FakeApiServer, GATEWAY, ROUTE, status, type Asked } from './fake-api-server.js';

let api: FakeApiServer;
let endpoints: KubernetesEndpoints;
let autoscaling: Autoscaling;

beforeEach(() => {
  api = new FakeApiServer();
  ({ endpoints, autoscaling } = createKubernetesEndpoints({
    connection: api.connection,
    namespace: 'models',
  }));
});

/** As a rollback writes. */
const BACK = { takeOver: true, goesBack: true };
const half = { live: { blue: 50, green: 50 }, mirror: {} };

describe('writing traffic', () => {
  beforeEach(() => api.addDeployment('green'));

  it('becomes the owner of the rules of a route that somebody else made, once', async () => {
    api.rulesOwner = 'kubectl';
    await endpoints.writeTraffic('diabetes', half);

    expect(api.asked.at(-1)?.query.get('force')).toBe('true');
    expect((await endpoints.read('diabetes')).traffic).toEqual(half);
  });

  it('refuses, and changes nothing, once someone else has taken the rules over', async () => {
    await endpoints.writeTraffic('diabetes', half);
    api.rulesOwner = 'kubectl-edit';
    const before = structuredClone(api.route.spec);

    await expect(
      endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} }),
    ).rejects.toMatchObject({ kind: 'permanent', code: 'FieldManagerConflict' });
    expect(api.route.spec).toEqual(before);
  });

  it('takes the rules back when it is told to', async () => {
    await endpoints.writeTraffic('diabetes', half);
    api.rulesOwner = 'kubectl-edit';

    await endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} }, { takeOver: true });
    expect((await endpoints.read('diabetes')).traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('writes again when the route changed between reading and writing', async () => {
    let times = 3;
    api.fault = ({ method }) =>
      method === 'PATCH' && times-- > 0 ? status(409, 'Conflict', 'the object has been modified') : undefined;

    await endpoints.writeTraffic('diabetes', half);
    expect((await endpoints.read('diabetes')).traffic).toEqual(half);
  });

  it.each(['pods', 'endpointslices'])(
    'goes back without the right to list %s, which a read needs',
    async (kind) => {
      await endpoints.writeTraffic('diabetes', half);
      api.fault = ({ path }) =>
        path.endsWith(`/${kind}`) ? status(403, 'Forbidden', `${kind} is forbidden`) : undefined;
      const back = { live: { blue: 100 }, mirror: {} };

      await expect(endpoints.read('diabetes')).rejects.toMatchObject({ code: 'Forbidden' });
      await endpoints.writeTraffic('diabetes', back, BACK);

      api.fault = () => undefined;
      expect((await endpoints.read('diabetes')).traffic).toEqual(back);
    },
  );

  describe('that is not to be made over what others have written', () => {
    const green = { live: { green: 100 }, mirror: {} };
    const step = { mayShow: (shown: Traffic) => [half, green].some((one) => sameTraffic(one, shown)) };
    /** As `greenlight revert` does, as the same field manager: everybody to blue. */
    const revert = (): void => {
      const [{ backendRefs }] = api.route.spec?.['rules'] as [
        { backendRefs: { name: string; weight: number }[] },
      ];
      for (const ref of backendRefs) ref.weight = ref.name === 'diabetes-blue' ? 100 : 0;
      api.route.metadata.generation += 1;
      api.accept();
    };

    beforeEach(() => endpoints.writeTraffic('diabetes', half));

    it.each([
      ['between the two writes of a handover', 'GET', 1],
      ['between its reading and its write', 'PATCH', 0],
    ])('leaves what comes %s', async (_, when, taken) => {
      const before = api.writes().length;
      api.fault = ({ method, path }) => {
        if (path !== ROUTE || method !== when || api.writes().length < before + 1) return undefined;
        api.fault = () => undefined;
        revert();
        return undefined;
      };
      let told = 0;

      await expect(
        endpoints.writeTraffic('diabetes', green, { ...step, takeOver: true, taken: () => told++ }),
      ).rejects.toMatchObject({ kind: 'transient', code: 'Outdated' });

      expect((await endpoints.read('diabetes')).traffic).toEqual({ live: { blue: 100 }, mirror: {} });
      expect(told).toBe(taken);
    });

    it('is made over what its own handover shows meanwhile', async () => {
      await endpoints.writeTraffic('diabetes', green, step);

      expect((await endpoints.read('diabetes')).traffic).toEqual(green);
    });
  });

  it('does not write again when its time has gone by meanwhile', async () => {
    let meanwhile = false;
    api.fault = ({ method }) => {
      if (method !== 'PATCH') return undefined;
      meanwhile = true;
      return status(409, 'Conflict', 'the object has been modified');
    };
    const confirm = (): void => {
      if (meanwhile) throw new Error('stood still');
    };

    await expect(endpoints.writeTraffic('diabetes', half, { confirm })).rejects.toThrow('stood still');
    expect(api.writes()).toHaveLength(1);
  });

  it('tells of each request, and of those that are taken', async () => {
    let times = 1;
    api.fault = ({ method }) =>
      method === 'PATCH' && times-- > 0 ? status(409, 'Conflict', 'the object has been modified') : undefined;
    const told: string[] = [];

    await endpoints.writeTraffic('diabetes', half, {
      confirm: () => told.push('confirm'),
      taken: () => told.push('taken'),
    });

    expect(told.slice(0, 3)).toEqual(['confirm', 'confirm', 'taken']);
  });

  it('does not write what stands there already', async () => {
    await endpoints.writeTraffic('diabetes', half);
    const before = api.writes().length;

    await endpoints.writeTraffic('diabetes', half);
    expect(api.writes()).toHaveLength(before);
  });

  it('is refused where it comes late, after a way back that found all as before', async () => {
    const back = { live: { blue: 100 }, mirror: {} };
    await endpoints.writeTraffic('diabetes', back, BACK);
    api.route.metadata.managedFields = [
      { manager: 'greenlight', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:rules': {} } } },
    ];
    let late: Asked | undefined;
    api.fault = (asked) => {
      if (asked.method !== 'PATCH') return undefined;
      late ??= asked;
      return status(503, 'ServiceUnavailable', 'on its way');
    };
    await expect(endpoints.writeTraffic('diabetes', half)).rejects.toMatchObject({ kind: 'transient' });
    api.fault = () => undefined;

    for (const time of ['once', 'again']) {
      // A real API server leaves the version as it is where an apply changes nothing.
      const { annotations } = api.route.metadata;
      await endpoints.writeTraffic('diabetes', back, { ...BACK, again: true });
      expect(api.route.metadata.annotations, time).not.toEqual(annotations);
    }

    const { method = '', path = '', query, body } = late ?? {};
    const answer = await api.connection.send({
      method,
      path: `${path}?${query}`,
      headers: {},
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(409);
    expect((await endpoints.read('diabetes')).traffic).toEqual(back);
  });

  it('is not in force while the gateway has not taken it, nor while a handover is under way', async () => {
    await endpoints.writeTraffic('diabetes', half);
    expect((await endpoints.read('diabetes')).pending).toBeUndefined();

    api.route.metadata.generation += 1;
    expect((await endpoints.read('diabetes')).pending).toMatch(
      /^gateway door has not said Accepted of HTTPRoute diabetes as it stands \(generation \d+\)$/,
    );
    const [{ backendRefs }] = api.route.spec?.['rules'] as [{ backendRefs: { weight: number }[] }];
    backendRefs.forEach((ref, i) => (ref.weight = i === 0 ? 1_000_000 : 1));
    api.accept();
    expect(await endpoints.read('diabetes')).toMatchObject({
      traffic: { live: { blue: 100 } },
      pending: expect.stringContaining('still gives green the millionth') as string,
    });
  });

  it.each([
    ['has not taken it yet', [], /^gateway back has not taken note/],
    [
      'refuses it',
      [{ type: 'Accepted', status: 'False', observedGeneration: 9 }],
      /^gateway back says Accepted/,
    ],
  ])('is not in force while another gateway than one that finds fault %s', async (_, conditions, why) => {
    api.gateway = () => [
      { type: 'Accepted', status: 'True' },
      { type: 'ResolvedRefs', status: 'False' },
    ];
    api.look();
    expect((await endpoints.read('diabetes')).pending).toBeUndefined();
    const parentRef = { name: 'back' };
    (api.route.spec?.['parentRefs'] as object[]).push(parentRef);
    const { parents } = api.route.status as { parents: object[] };
    if (conditions.length > 0) parents.push({ parentRef, controllerName: 'example.com/fake', conditions });

    expect(await endpoints.read('diabetes')).toMatchObject({
      state: 'failed',
      pending: expect.stringMatching(why) as string,
    });
  });

  it('puts the rules back that the gateway does not take, and says why', async () => {
    const before = structuredClone(api.route.spec?.['rules']);
    let first = true;
    api.gateway = () => {
      const refuse = first;
      first = false;
      return refuse
        ? [
            {
              type: 'Accepted',
              status: 'False',
              reason: 'UnsupportedValue',
              message: 'percent is not supported',
            },
          ]
        : [];
    };

    await expect(
      endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: { green: 10 } }),
    ).rejects.toThrow(
      'gateway door says Accepted is False of HTTPRoute diabetes (UnsupportedValue): percent is not supported',
    );
    expect(api.route.spec?.['rules']).toEqual(before);
  });

  describe('that a gateway refuses, and that cannot be put back at once,', () => {
    const write = () => endpoints.writeTraffic('diabetes', half);
    const rules = () => api.route.spec?.['rules'];
    const isHalf = () => JSON.stringify(rules()).includes('"weight":50');
    beforeEach(() => {
      api.gateway = () =>
        isHalf() ? [{ type: 'Accepted', status: 'False', message: 'no such listener' }] : [];
    });

    it.each([
      ['an error of the API server', status(500, 'InternalError', 'etcdserver: request timed out')],
      ['too many requests', status(429, 'TooManyRequests', 'come back later')],
      ['a change of the route meanwhile', status(409, 'Conflict', 'the object has been modified')],
    ])('is put back a moment later: %s', async (_, answer) => {
      const before = structuredClone(rules());
      let times = 1;
      api.fault = ({ method }) => (method === 'PATCH' && isHalf() && times-- > 0 ? answer : undefined);

      await expect(write()).rejects.toMatchObject({
        code: 'NotTaken',
        message: expect.stringContaining('and they were put back: gateway door says Accepted') as string,
      });
      expect(rules()).toEqual(before);
    });

    it('is put back where the answer to that was lost', async () => {
      const before = structuredClone(rules());
      let times = 1;
      api.fault = ({ method }) => {
        if (method !== 'PATCH' || !isHalf() || times-- === 0) return undefined;
        (api.route.spec as { rules: unknown }).rules = structuredClone(before);
        api.route.metadata.generation += 1;
        return status(504, 'Timeout', 'no answer');
      };

      await expect(write()).rejects.toThrow('and they were put back: gateway door says Accepted');
      expect(rules()).toEqual(before);
    });

    it('stays where somebody has written the route since', async () => {
      const theirs = [{ backendRefs: [{ name: 'diabetes-green', port: 80 }] }];
      api.fault = ({ method }) => {
        if (method === 'GET' && isHalf()) {
          (api.route.spec as { rules: object[] }).rules = theirs;
          api.route.metadata.generation += 1;
          api.accept();
        }
        return undefined;
      };

      await expect(write()).rejects.toMatchObject({ code: 'NotTaken' });
      expect(rules()).toEqual(theirs);
    });

    it('is told by the next attempt, where the worker has died before', async () => {
      const confirm = (): void => {
        if (isHalf()) throw new Error('stood still');
      };
      await expect(endpoints.writeTraffic('diabetes', half, { confirm })).rejects.toThrow('stood still');
      expect(isHalf()).toBe(true);

      await expect(write()).rejects.toMatchObject({
        kind: 'permanent',
        code: 'NotTaken',
        message: expect.stringContaining('no such listener') as string,
      });
      await endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} }, BACK);
      expect(await endpoints.read('diabetes')).toMatchObject({ state: 'ready' });
    });
  });

  describe('that a gateway refuses, for a Service that is gone or otherwise,', () => {
    const SERVICE = '/api/v1/namespaces/models/services/diabetes-green';
    const ROUTE_RULES = () => JSON.stringify(api.route.spec?.['rules']);
    /** As Envoy Gateway does: whatever the weight. */
    const refuse = (service: string) => {
      api.gateway = () =>
        ROUTE_RULES().includes(service)
          ? [
              { type: 'Accepted', status: 'True' },
              { type: 'ResolvedRefs', status: 'False', reason: 'BackendNotFound', message: `no ${service}` },
            ]
          : [];
    };
    const back = { live: { blue: 100 }, mirror: {} };

    it('goes back, and leaves the Service out, so that the gateway takes the route again', async () => {
      await endpoints.writeTraffic('diabetes', { ...half, mirror: { green: 5 } });
      api.objects.delete(SERVICE);
      refuse('diabetes-green');

      await endpoints.writeTraffic('diabetes', back, BACK);

      expect(await endpoints.read('diabetes')).toMatchObject({ state: 'ready', traffic: back });
      expect(ROUTE_RULES()).not.toContain('green');
    });

    it('goes back where the Service is somebody else’s, and stays there', async () => {
      await endpoints.writeTraffic('diabetes', half);
      const rules = api.route.spec?.['rules'] as object[];
      rules.push({ matches: [{ path: { value: '/r' } }], backendRefs: [{ name: 'reports', port: 80 }] });
      refuse('reports');

      await endpoints.writeTraffic('diabetes', back, BACK);

      expect(await endpoints.read('diabetes')).toMatchObject({ state: 'failed', traffic: back });
    });

    it('is not back while the gateway refuses the route as a whole', async () => {
      await endpoints.writeTraffic('diabetes', half);
      api.gateway = () => [{ type: 'Accepted', status: 'False', reason: 'NotAllowedByListeners' }];

      await endpoints.writeTraffic('diabetes', back, BACK);

      expect(await endpoints.read('diabetes')).toMatchObject({
        traffic: back,
        pending:
          'gateway door says Accepted is False of HTTPRoute diabetes (NotAllowedByListeners): no reason',
      });
    });

    /** A second passes with each look at the route. */
    const hasten = () => {
      vi.useFakeTimers({ toFake: ['Date'] });
      api.fault = ({ method, path }) => {
        if (method === 'GET' && path === ROUTE) vi.setSystemTime(Date.now() + 1_000);
        return undefined;
      };
    };
    afterEach(() => void vi.useRealTimers());

    it('takes a fault that passes for none: a controller may not know a Service yet that is new', async () => {
      refuse('diabetes-green');
      // Else a stall of this machine would be a fault that stands.
      vi.useFakeTimers({ toFake: ['Date'] });
      let looks = 0;
      api.fault = ({ method, path }) => {
        if (method !== 'GET' || path !== ROUTE || !ROUTE_RULES().includes('diabetes-green')) return undefined;
        if (++looks === 2) api.accept();
        return undefined;
      };

      await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});

      expect(await endpoints.read('diabetes')).toMatchObject({ state: 'ready' });
      expect(ROUTE_RULES()).toContain('green');
    });

    it.each(['Accepted', 'ResolvedRefs'])(
      'puts shares back that only take the rules over, as after an adopted change (%s)',
      async (type) => {
        await endpoints.writeTraffic('diabetes', half);
        hasten();
        api.gateway = () => (ROUTE_RULES().includes('"weight":75') ? [{ type, status: 'False' }] : []);

        const forward = { live: { blue: 25, green: 75 }, mirror: {} };
        await expect(endpoints.writeTraffic('diabetes', forward, { takeOver: true })).rejects.toMatchObject({
          code: 'NotTaken',
        });
        expect((await endpoints.read('diabetes')).traffic).toEqual(half);
      },
    );

    it('puts shares back with which a route that was served is refused as a whole', async () => {
      await endpoints.writeTraffic('diabetes', half);
      api.gateway = () => [
        { type: ROUTE_RULES().includes('"weight":75') ? 'Accepted' : 'ResolvedRefs', status: 'False' },
      ];
      api.look();

      const forward = { live: { blue: 25, green: 75 }, mirror: {} };
      await expect(endpoints.writeTraffic('diabetes', forward)).rejects.toMatchObject({ code: 'NotTaken' });
      expect((await endpoints.read('diabetes')).traffic).toEqual(half);
    });

    it('does not blame new shares for what the gateway refused before', async () => {
      await endpoints.writeTraffic('diabetes', { live: { blue: 75, green: 25 }, mirror: {} });
      const rules = api.route.spec?.['rules'] as object[];
      rules.push({ matches: [{ path: { value: '/r' } }], backendRefs: [{ name: 'reports', port: 80 }] });
      refuse('reports');
      api.look();

      await endpoints.writeTraffic('diabetes', half);

      expect((await endpoints.read('diabetes')).traffic).toEqual(half);
    });
  });

  it('sends no traffic to a Service behind which nothing is ready, unless it goes back', async () => {
    api.addDeployment('green', 0);

    await expect(endpoints.writeTraffic('diabetes', half)).rejects.toThrow(
      'Service diabetes-green of deployment green has no ready endpoints',
    );
    await expect(endpoints.writeTraffic('diabetes', half, BACK)).resolves.toBeUndefined();
  });

  describe('to a deployment whose Deployment is gone, while its Service is there,', () => {
    const DEPLOYMENT = '/apis/apps/v1/namespaces/models/deployments/diabetes-blue';
    const back = { live: { blue: 100 }, mirror: {} };
    beforeEach(() => endpoints.writeTraffic('diabetes', half));

    it.each([
      ['gone', () => api.objects.delete(DEPLOYMENT)],
      [
        'being deleted',
        () => {
          const blue = api.objects.get(DEPLOYMENT);
          if (blue !== undefined) blue.metadata['deletionTimestamp'] = '2026-01-01T00:00:00Z';
        },
      ],
    ])('is refused, also on the way back: who serves goes on (%s)', async (_, remove) => {
      remove();
      const before = structuredClone(api.route.spec);

      await expect(endpoints.writeTraffic('diabetes', back, BACK)).rejects.toMatchObject({
        kind: 'permanent',
        code: 'NoDeployment',
      });
      expect(api.route.spec).toEqual(before);
    });

    it('is made on the way back where that gets copies alone, which nobody waits for', async () => {
      api.objects.delete(DEPLOYMENT);
      const copied = { live: { green: 100 }, mirror: { blue: 10 } };

      await endpoints.writeTraffic('diabetes', copied, BACK);

      expect((await endpoints.read('diabetes')).traffic).toEqual(copied);
    });
  });

  it('refuses a deployment that is none', async () => {
    await expect(
      endpoints.writeTraffic('diabetes', { live: { blue: 50, red: 50 }, mirror: {} }),
    ).rejects.toThrow('Deployment red of diabetes has no Service');
  });
});

describe('creating a deployment', () => {
  it('makes the Deployment last, so that a creation that was cut off begins again', async () => {
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), { 'greenlight.rollout': 'r1' });

    expect(api.writes()).toEqual([
      'PATCH services/diabetes-green',
      'PATCH httproutes/diabetes',
      'PATCH deployments/diabetes-green',
    ]);
    expect((await endpoints.readDeployment('diabetes', 'green'))?.tags).toMatchObject({
      'greenlight.rollout': 'r1',
    });
    expect((await endpoints.read('diabetes')).traffic).toEqual({ live: { blue: 100 }, mirror: {} });
  });

  it('asks to be repeated, with no Deployment made, while the Service that it has written is not shown', async () => {
    let shown = false;
    const blue = api.objects.get('/api/v1/namespaces/models/services/diabetes-blue');
    api.fault = ({ method, path }) =>
      method === 'GET' && path.endsWith('/services') && !shown
        ? { status: 200, headers: {}, text: JSON.stringify({ items: [blue] }) }
        : undefined;
    const create = () => endpoints.createDeployment('diabetes', deploymentSpec('green'), {});

    await expect(create()).rejects.toMatchObject({ kind: 'transient', code: 'NotShownYet' });
    expect(api.writes()).toEqual(['PATCH services/diabetes-green']);
    shown = true;
    await create();
    expect(api.writes().at(-1)).toBe('PATCH deployments/diabetes-green');
  });

  it('leaves nothing behind when one of its parts may not be written', async () => {
    api.fault = ({ path }) =>
      path.includes('/deployments/diabetes-green')
        ? status(
            403,
            'Forbidden',
            'deployments.apps is forbidden: User "worker" cannot patch resource "deployments"',
          )
        : undefined;

    await expect(endpoints.createDeployment('diabetes', deploymentSpec('green'), {})).rejects.toMatchObject({
      kind: 'permanent',
      code: 'Forbidden',
    });
    expect(api.writes()).toEqual([]);
  });

  it('says for good that the schema does not know a field', async () => {
    api.fault = ({ method, path }) =>
      method === 'PATCH' && path.includes('/deployments/')
        ? status(
            500,
            '',
            'failed to create typed patch object (/diabetes-green; apps/v1, Kind=Deployment): .spec.comand: field not declared in schema',
          )
        : undefined;

    await expect(endpoints.createDeployment('diabetes', deploymentSpec('green'), {})).rejects.toMatchObject({
      kind: 'permanent',
      code: 'Invalid',
    });
    expect(api.writes()).toEqual([]);
  });

  it('does not merge into an object of the same name that is something else', async () => {
    api.put('/apis/apps/v1/namespaces/models/deployments/diabetes-green', {
      metadata: { name: 'diabetes-green' },
      spec: { selector: {}, template: { spec: {} } },
    });

    await expect(endpoints.createDeployment('diabetes', deploymentSpec('green'), {})).rejects.toMatchObject({
      code: 'NameTaken',
    });
    expect(api.writes()).toEqual([]);
  });
});

describe('a new deployment whose pods another’s Service would send clients to', () => {
  const BLUE = '/api/v1/namespaces/models/services/diabetes-blue';
  const pods = { app: 'diabetes', tier: 'model' };
  const deployment = deploymentSpec('green', {
    manifest: {
      labels: {},
      annotations: {},
      spec: { selector: { matchLabels: pods }, template: { metadata: { labels: pods }, spec: {} } },
      port: 8080,
    },
  });
  const inferenceService = deploymentSpec('green', {
    manifest: {
      kind: 'InferenceService',
      labels: { app: 'diabetes' },
      annotations: {},
      spec: { predictor: { labels: { tier: 'model' } } },
      port: 8080,
    },
  });
  const select = (selector: object) => {
    const service = api.objects.get(BLUE);
    (service as { spec: object }).spec = { ...service?.spec, selector };
  };

  it.each([
    ['Deployment', deployment],
    ['InferenceService', inferenceService],
  ])('is refused before anything is made (%s)', async (_, green) => {
    select(pods);

    await expect(endpoints.createDeployment('diabetes', green, {})).rejects.toMatchObject({
      kind: 'permanent',
      code: 'SelectedByOther',
      message: expect.stringContaining(
        'Service diabetes-blue of deployment blue of diabetes selects pods by app=diabetes,tier=model, which',
      ) as string,
    });
    expect(api.writes()).toEqual([]);
  });

  it('is made where that selects others, or all by no deployment’s Service', async () => {
    select({ ...pods, version: '1' });
    api.put('/api/v1/namespaces/models/services/all', {
      metadata: { name: 'all' },
      spec: { selector: pods, ports: [{ port: 80 }] },
    });
    const create = () => endpoints.createDeployment('diabetes', deployment, {});

    await create();
    await create();
    expect(api.writes().at(-1)).toBe('PATCH deployments/diabetes-green');
  });
});

describe('a deployment whose pods answer, while the gateway finds fault with the route,', () => {
  it.each([
    [
      'is ready where that is another rule’s Service, which does not keep it from being served',
      'ResolvedRefs',
      'ready',
    ],
    ['waits where the route is refused as a whole', 'Accepted', 'creating'],
  ])('%s', async (_, type, state) => {
    await endpoints.createDeployment('diabetes', deploymentSpec('green'), {});
    api.addDeployment('green');
    expect((await endpoints.readDeployment('diabetes', 'green'))?.state).toBe('ready');
    const said = ['Accepted', 'ResolvedRefs'].map((one) => ({
      type: one,
      status: one === type ? 'False' : 'True',
    }));
    api.gateway = () => said;
    api.look();

    expect((await endpoints.readDeployment('diabetes', 'green'))?.state).toBe(state);
  });
});

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

describe('instances that an autoscaler counts', () => {
  const DEPLOYMENT = '/apis/apps/v1/namespaces/models/deployments/diabetes-blue';
  const SCALER = '/apis/autoscaling/v2/namespaces/models/horizontalpodautoscalers/blue';
  beforeEach(() => {
    api.put(SCALER, {
      metadata: { name: 'blue' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'diabetes-blue' }, maxReplicas: 4 },
    });
  });

  it('are its own to say', async () => {
    await expect(endpoints.scale('diabetes', 'blue', 4)).rejects.toMatchObject({ code: 'Autoscaled' });
    expect(api.writes()).toEqual([]);
  });

  it('are given back where somebody has scaled to none, from where it counts on', async () => {
    (api.objects.get(DEPLOYMENT)?.spec as { replicas: number }).replicas = 0;

    await endpoints.scale('diabetes', 'blue', 4);

    expect(api.asked.at(-1)).toMatchObject({
      method: 'PATCH',
      path: `${DEPLOYMENT}/scale`,
      body: { spec: { replicas: 4 } },
    });
  });

  describe('by an autoscaler that KEDA made', () => {
    const SCALED_OBJECT = '/apis/keda.sh/v1alpha1/namespaces/models/scaledobjects/blue';
    const owner = (kind: string) => [{ kind, name: 'blue', controller: true }];
    const put = (spec: object, metadata: object = {}) =>
      api.put(SCALED_OBJECT, { metadata: { name: 'blue', ...metadata }, spec });
    beforeEach(() => {
      Object.assign(api.objects.get(SCALER)?.metadata ?? {}, { ownerReferences: owner('ScaledObject') });
      Object.assign(api.objects.get(DEPLOYMENT)?.spec ?? {}, { replicas: 3 });
    });

    it('are held where KEDA reads their fewest, and let go as they were', async () => {
      const { resourceVersion } = put({}).metadata;
      expect(await autoscaling.read('diabetes', 'blue')).toEqual({ minimum: 0, maximum: 4, instances: 3 });

      await autoscaling.setMinimum('diabetes', 'blue', { from: 0, to: 3 });
      expect(api.asked.at(-1)).toMatchObject({
        path: SCALED_OBJECT,
        body: { metadata: { resourceVersion }, spec: { minReplicaCount: 3 } },
      });
      await autoscaling.setMinimum('diabetes', 'blue', { from: 3, to: 0 });
      expect(api.objects.get(SCALED_OBJECT)?.spec).toEqual({ minReplicaCount: 0 });
      expect(api.writes()).toEqual(['PATCH scaledobjects/blue', 'PATCH scaledobjects/blue']);
    });

    it('are left at what somebody else has made of it', async () => {
      put({ minReplicaCount: 2 });

      await autoscaling.setMinimum('diabetes', 'blue', { from: 3, to: 1 });
      expect(api.writes()).toEqual([]);
    });

    it('are held in the InferenceService that KServe made that of', async () => {
      put({ minReplicaCount: 0 }, { ownerReferences: owner('InferenceService') });
      const ISVC = '/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices/blue';
      api.put(ISVC, { metadata: { name: 'blue' }, spec: { predictor: { minReplicas: 0, maxReplicas: 4 } } });

      await autoscaling.setMinimum('diabetes', 'blue', { from: 0, to: 3 });
      expect(api.writes()).toEqual(['PATCH inferenceservices/blue']);
      expect(api.objects.get(ISVC)?.spec).toMatchObject({ predictor: { minReplicas: 3 } });
    });

    it('cannot be told where the ScaledObject may not be read: nobody is to believe them held', async () => {
      api.fault = ({ path }) =>
        path === SCALED_OBJECT ? status(403, 'Forbidden', 'cannot get resource "scaledobjects"') : undefined;

      await expect(autoscaling.read('diabetes', 'blue')).rejects.toMatchObject({
        code: 'Forbidden',
        message: expect.stringContaining('get scaledobjects in namespace models') as string,
      });
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

describe('a right that was there', () => {
  const denied = ({ path }: { path: string }) =>
    path === ROUTE ? status(403, 'Forbidden', 'cannot get resource "httproutes"') : undefined;
  afterEach(() => void vi.useRealTimers());

  it('is asked for again while an API server may not have read its roles, and is gone some seconds later', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await endpoints.read('diabetes');
    api.fault = denied;

    const read = () => endpoints.read('diabetes');
    await expect(read()).rejects.toMatchObject({ kind: 'transient', code: 'Forbidden' });
    vi.setSystemTime(Date.now() + 10_000);
    await expect(read()).rejects.toMatchObject({ kind: 'transient', code: 'Forbidden' });
    vi.setSystemTime(Date.now() + 6_000);
    await expect(read()).rejects.toMatchObject({ kind: 'permanent', code: 'Forbidden' });
    api.fault = () => undefined;
    await read();
    api.fault = denied;
    await expect(read()).rejects.toMatchObject({ kind: 'transient', code: 'Forbidden' });
  });

  it('is missing at once where it never was', async () => {
    api.fault = denied;

    await expect(endpoints.read('diabetes')).rejects.toMatchObject({ kind: 'permanent', code: 'Forbidden' });
  });
});

describe('what stands in the way is said', () => {
  it.each<[string, () => void, RegExp]>([
    ['no route of that name', () => api.objects.delete(ROUTE), /^Namespace models has no HTTPRoute diabetes/],
    [
      'no such namespace',
      () => {
        api.objects.delete(ROUTE);
        api.objects.delete('/api/v1/namespaces/models');
      },
      /^The cluster at https:\/\/fake:6443 has no namespace models; create it/,
    ],
    [
      'the Gateway API is not installed',
      () => {
        api.fault = ({ path }) =>
          path.includes('gateway.networking')
            ? { status: 404, headers: {}, text: '404 page not found\n' }
            : undefined;
      },
      /does not know what HTTPRoute of gateway\.networking\.k8s\.io\/v1 is.*; install the resource definitions/,
    ],
    [
      'a verb that is denied',
      () => {
        api.fault = ({ path }) =>
          path.endsWith('/deployments')
            ? status(403, 'Forbidden', 'cannot list resource "deployments"')
            : undefined;
      },
      /cannot list resource "deployments"; give its user or service account the right to list deployments in namespace models/,
    ],
    [
      'a route that a controller made',
      () => {
        api.route.metadata.ownerReferences = [
          { kind: 'InferenceService', name: 'diabetes', controller: true },
        ];
      },
      /^HTTPRoute diabetes belongs to the InferenceService diabetes, whose controller would write over every change/,
    ],
    [
      'two Services that claim to be the same deployment',
      () => {
        api.put('/api/v1/namespaces/models/services/other', {
          metadata: {
            name: 'other',
            labels: { 'greenlight/endpoint': 'diabetes', 'greenlight/deployment': 'blue' },
          },
          spec: { ports: [{ port: 80 }] },
        });
      },
      /^The Services diabetes-blue and other both bear the labels of deployment blue/,
    ],
  ])('%s', async (_, arrange, message) => {
    arrange();

    await expect(endpoints.read('diabetes')).rejects.toThrow(message);
  });

  it('a gateway that does not take the route, and a Service without endpoints', async () => {
    api.addDeployment('blue', 1);
    api.objects.delete('/apis/discovery.k8s.io/v1/namespaces/models/endpointslices/diabetes-blue');
    api.route.status = {};
    const { state, error, deployments } = await endpoints.read('diabetes');

    expect({ state, error }).toEqual({
      state: 'updating',
      error: expect.stringContaining('gateway door has not taken note of HTTPRoute diabetes') as string,
    });
    expect(deployments[0]).toMatchObject({
      state: 'creating',
      instances: { ready: 0 },
      error: 'its Service has no ready endpoints: its selector finds none of the ready pods',
    });
  });

  it.each([
    ['no shares', ['HTTPRouteRequestMirror'], 'all'],
    ['no mirroring', ['HTTPRouteQueryParamMatching'], 'none'],
    ['nothing to say', [], 'none'],
    ['shares', ['HTTPRouteRequestMirror', 'HTTPRouteRequestPercentageMirror'], 'any'],
  ])('a gateway class with %s', async (_, features, shares) => {
    api.put('/apis/gateway.networking.k8s.io/v1/gatewayclasses/fake', {
      metadata: { name: 'fake' },
      spec: { controllerName: 'example.com/fake' },
      status: { supportedFeatures: features },
    });

    expect((await endpoints.capabilities('diabetes')).mirror.shares).toBe(shares);
  });
});

describe('one answer for several', () => {
  it('on what the gateway can do comes also when who asked first has given up', async () => {
    const release = api.hold(GATEWAY);
    const gaveUp = new AbortController();
    const first = endpoints.capabilities('diabetes', { signal: gaveUp.signal });
    const second = endpoints.capabilities('diabetes');
    await new Promise(setImmediate); // both wait for it

    gaveUp.abort(new Error('gave up'));
    await expect(first).rejects.toThrow('gave up');
    release();
    expect((await second).mirror.shares).toBe('any');
  });
});
