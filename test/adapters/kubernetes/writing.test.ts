import { beforeEach, describe, expect, it } from 'vitest';

import { sameTraffic, type Traffic } from '../../../core/traffic.js';
import { ROUTE, status, type Asked } from './fake-api-server.js';
import { BACK, half, onFakeServer } from './on-fake-server.js';

let { api, endpoints } = onFakeServer();
beforeEach(() => void ({ api, endpoints } = onFakeServer()));

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
