import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasIstiod } from '../../embedded/kubernetes/istio.js';
import { apply } from '../../embedded/kubernetes/objects.js';
import { until } from '../../embedded/processes.js';
import type { Clients } from './clients.js';
import { model, servedBy, untilReady } from './cluster.js';
import { istioGateway, rulesOf, virtualService } from './istio-front.js';
import type { Door } from './namespace.js';
import { expectPromoted, expectRolledBack, failed, shown } from './under-load.js';
import { KubernetesWorld } from './world.js';

const built = await hasIstiod();
if (!built) {
  console.warn(
    'skipped: rollouts on a real Istio: there is no istiod in the cache; `npm run test:k8s` builds it, for about 25 minutes',
  );
}

let world: KubernetesWorld;

const rules = ({ endpoint }: Door) => rulesOf(world.bed, world.namespace, endpoint);

/** istiod is real, and so is what it tells Envoy; Envoy is the stock one, which lacks Istio's own counters. */
describe.skipIf(!built)('a VirtualService that istiod serves, under load', () => {
  beforeAll(async () => {
    world = await KubernetesWorld.start(istioGateway);
  }, 180_000);
  afterAll(async () => {
    await world?.bed.stopIstio();
    await world?.stop();
  });

  it.concurrent('is promoted to a good version, and no client loses a request', () => expectPromoted(world));

  it.concurrent('is as it was when a bad version is rolled back', async () => {
    const door = await expectRolledBack(world);
    const host = `${door.endpoint}-blue`;
    expect(await rules(door)).toEqual([
      expect.objectContaining({ name: 'greenlight-rules' }),
      {
        match: [{ headers: { 'azureml-model-deployment': { exact: 'blue' } } }],
        route: [{ destination: { host, port: { number: 80 } } }],
      },
      { name: 'score', route: [{ destination: { host }, weight: 100 }] },
    ]);
  });

  it.concurrent('has failed when its own analysis finds fault with it', async () => {
    const { bed, namespace } = world;
    await apply(bed.kubeConfig(), [
      virtualService(namespace, { endpoint: 'astray', host: `astray.${namespace}.test` }, 'nowhere'),
    ]);
    const { endpoints } = await world.ports();
    const state = await until(async () => {
      const read = await endpoints.read('astray');
      return read.state === 'failed' ? read : undefined;
    }, 60_000);

    expect(state?.error).toMatch(/^Istio's analysis finds fault with VirtualService astray: IST0101/);
  });

  describe('with two versions', () => {
    let door: Door;
    let clients: Clients;
    beforeAll(async () => {
      door = await world.openEndpoint();
      const config = world.bed.kubeConfig();
      const green = `${door.endpoint}-green`;
      const labels = { 'greenlight/endpoint': door.endpoint, 'greenlight/deployment': 'green' };
      await apply(config, model(world.namespace, green, { labels, env: { NAME: 'green' } }));
      await untilReady(config, world.namespace, green);
    });
    const write = async (live: Readonly<Record<string, number>>, mirror = {}) =>
      (await world.ports()).endpoints.writeTraffic(door.endpoint, { live, mirror });
    const untilServedBy = (name: string) =>
      until(async () => ((await clients.ask()).by === name ? true : undefined), 10_000, 2);

    it('loses no request over 30 changes of shares, and serves each within a second', async () => {
      clients = world.clients(door);
      clients.start(8, 10);
      const tookMs: number[] = [];
      for (let change = 0; change < 20; change += 1) {
        const to = change % 2 === 0 ? 'green' : 'blue';
        const writtenMs = Date.now();
        const writing = write({ [to]: 100 });
        expect(await untilServedBy(to)).toBe(true);
        tookMs.push(Date.now() - writtenMs);
        await writing;
      }
      for (let change = 0; change < 10; change += 1) {
        const green = 1 + ((change * 37) % 99);
        await write({ blue: 100 - green, green });
      }
      await clients.stop();

      console.log(`change of shares to first request: ${tookMs.join(', ')} ms`);
      console.log(`${clients.got.length} requests, ${failed(clients).length} failed`);
      // Two of twenty may meet this machine while it stands still.
      expect(tookMs.sort((a, b) => a - b).at(-3)).toBeLessThan(1_000);
      expect(failed(clients)).toEqual([]);
      expect(clients.got.length).toBeGreaterThan(1_000);
    });

    it('mirrors the share that was asked for, within binomial error', async () => {
      const requests = 5_000;
      const share = 0.1;
      const copies = () => servedBy(world.bed.kubeConfig(), world.namespace, `${door.endpoint}-green`);
      const settled = () =>
        until(
          async () => {
            const [first, second] = [await copies(), await copies()];
            return first === second ? second : undefined;
          },
          10_000,
          200,
        );
      clients = world.clients(door);
      await write({ blue: 100 }, { green: share * 100 });
      const start = (await settled()) ?? 0;
      // Nothing says when Envoy has the new rules: a copy does.
      await until(
        async () => {
          await clients.ask();
          return (await copies()) > start ? true : undefined;
        },
        30_000,
        2,
      );
      const before = (await settled()) ?? 0;
      clients.got.length = 0;
      await clients.send(requests);
      const mirrored = ((await settled()) ?? 0) - before;
      await clients.stop();

      console.log(`mirrored ${mirrored} of ${requests}`);
      expect(clients.got.every(({ status, by }) => status === 200 && by === 'blue')).toBe(true);
      // Four standard errors: one run of 16,000 fails by chance.
      const error = Math.sqrt(requests * share * (1 - share));
      expect(Math.abs(mirrored - requests * share)).toBeLessThan(4 * error);
    });

    it('deletes nothing while istiod is away and Envoy goes on by older rules', async () => {
      const { endpoints } = await world.ports();
      await write({ blue: 50, green: 50 });
      clients = world.clients(door);
      clients.start(4, 10);
      await world.bed.kill('istiod');
      const writing = write({ blue: 100 });
      const pending = await until(async () => (await endpoints.read(door.endpoint)).pending, 10_000);
      const deleting = endpoints.deleteDeployment(door.endpoint, 'green');
      await expect(deleting).rejects.toMatchObject({ code: 'NotTakenYet' });
      expect(pending).toMatch(/check that istiod runs/);

      await world.bed.mend('istiod');
      await writing;
      expect((await endpoints.read(door.endpoint)).pending).toBeUndefined();
      await endpoints.deleteDeployment(door.endpoint, 'green');
      await until(
        async () => ((await shown(world, door)).deployments.length === 1 ? true : undefined),
        30_000,
      );
      await clients.stop();
      expect(clients.got.length).toBeGreaterThan(500);
      expect(failed(clients)).toEqual([]);
    });
  });
});
