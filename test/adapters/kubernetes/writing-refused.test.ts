import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ROUTE, status } from './fake-api-server.js';
import { BACK, half, onFakeServer } from './on-fake-server.js';
import { deploymentSpec } from './specs.js';

let { api, endpoints } = onFakeServer();
beforeEach(() => void ({ api, endpoints } = onFakeServer()));

describe('writing traffic', () => {
  beforeEach(() => api.addDeployment('green'));

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
});
