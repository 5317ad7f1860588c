import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AzureMlEndpoints } from '../../../adapters/azureml/endpoints.js';
import type { DeploymentSpec } from '../../../core/deployment.js';
import type { DeploymentState } from '../../../core/endpoint.js';

/** A service that is to keep the contract of `Endpoints`, and something to deploy on it. */
export interface World {
  readonly endpoints: AzureMlEndpoints;
  /** A deployment that gets ready on this service, with one instance. */
  deployment(name: string): DeploymentSpec;
  /** A request body that its model answers. */
  readonly body: string;
  stop(): Promise<void>;
}

const READY_WITHIN = { timeout: 60_000, interval: 100 };

/** What every service behind the port must do, in the order of a rollout; run against each of them. */
export function endpointsContract(service: string, start: () => Promise<World>): void {
  describe(`endpoints of ${service}`, () => {
    let world: World;
    let endpoints: AzureMlEndpoints;
    beforeAll(async () => {
      world = await start();
      endpoints = world.endpoints;
      await endpoints.createEndpoint({ name: 'contract', description: 'Contract test' });
    });
    afterAll(() => world.stop());

    const ready = (name: string): Promise<DeploymentState> =>
      vi.waitFor(async () => {
        const state = await endpoints.readDeployment('contract', name);
        expect(state).toMatchObject({ name, state: 'ready' });
        expect(state?.instances.ready ?? state?.instances.wanted).toBe(state?.instances.wanted);
        return state as DeploymentState;
      }, READY_WITHIN);

    it('are not there until they are created', async () => {
      await expect(endpoints.read('missing')).rejects.toMatchObject({
        name: 'PortError',
        kind: 'permanent',
        code: 'ResourceNotFound',
      });
    });

    it('begin without traffic and deployments, and are listed', async () => {
      const state = await endpoints.read('contract');
      const listed = await endpoints.listEndpoints();

      expect(state).toMatchObject({
        name: 'contract',
        state: 'ready',
        traffic: { live: {}, mirror: {} },
        deployments: [],
      });
      expect(listed.map((e) => e.name)).toEqual(['contract']);
      expect((await endpoints.keys('contract')).primary).not.toBe('');
    });

    it('take a deployment, also when it is sent again meanwhile, and show its tags', async () => {
      await endpoints.createDeployment('contract', world.deployment('blue'), { 'greenlight.rollout': 'r1' });
      const begun = await endpoints.readDeployment('contract', 'blue');
      await endpoints.createDeployment('contract', world.deployment('blue'), { 'greenlight.rollout': 'r1' });

      const state = await ready('blue');

      expect(state.instances.wanted).toBe(1);
      expect(state.tags).toMatchObject({ 'greenlight.rollout': 'r1' });
      expect(state.id).not.toBeUndefined();
      expect(state.id).toBe(begun?.id);
    });

    it('give a deployment that is asked for by name, without any traffic', async () => {
      const answer = await endpoints.invoke('contract', 'blue', world.body);

      expect(answer.status).toBe(200);
    });

    it('answer for a deployment that is not there with a status, not with an exception', async () => {
      expect((await endpoints.invoke('contract', 'missing', world.body)).status).toBe(404);
    });

    it('show written traffic and mirror, and drop what the next write does not name', async () => {
      await endpoints.createDeployment('contract', world.deployment('green'), {});
      await ready('green');

      const mirrored = { live: { blue: 100 }, mirror: { green: 10 } };
      await endpoints.writeTraffic('contract', mirrored);
      await shows(mirrored);
      const split = { live: { blue: 90, green: 10 }, mirror: {} };
      await endpoints.writeTraffic('contract', split);
      await shows(split);
      await endpoints.writeTraffic('contract', { live: { blue: 100, green: 0 }, mirror: {} });
      await shows({ live: { blue: 100 }, mirror: {} });
    });

    const shows = (traffic: unknown): Promise<void> =>
      vi.waitFor(
        async () => expect((await endpoints.read('contract')).traffic).toEqual(traffic),
        READY_WITHIN,
      );

    it('refuse traffic that does not add up, and stay as they are', async () => {
      const wrong = { live: { blue: 60 }, mirror: {} };

      await expect(endpoints.writeTraffic('contract', wrong)).rejects.toMatchObject({ kind: 'permanent' });

      await shows({ live: { blue: 100 }, mirror: {} });
    });

    it('scale a deployment that no autoscaler scales', async () => {
      expect(await endpoints.isAutoscaled('contract', 'green')).toBe(false);
      await endpoints.scale('contract', 'green', 2);

      await vi.waitFor(async () => {
        const state = await endpoints.readDeployment('contract', 'green');
        expect(state).toMatchObject({ state: 'ready', instances: { wanted: 2 } });
        expect(state?.instances.ready ?? 2).toBe(2);
      }, READY_WITHIN);
    });

    it('give no more of a log than was asked for', async () => {
      const log = await endpoints.logs('contract', 'blue', 2);

      expect(log).not.toBe('');
      expect(log.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    });

    it('delete a deployment, also when it is gone already', async () => {
      await endpoints.deleteDeployment('contract', 'green');
      await vi.waitFor(
        async () => expect(await endpoints.readDeployment('contract', 'green')).toBeUndefined(),
        READY_WITHIN,
      );

      await expect(endpoints.deleteDeployment('contract', 'green')).resolves.toBeUndefined();
      expect((await endpoints.read('contract')).deployments.map((d) => d.name)).toEqual(['blue']);
    });
  });
}
