import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { run } from '../../embedded/run.js';
import { freePort } from '../../host/ports.js';
import { serveHealth, type HealthServer } from '../../worker/health.js';
import { createMetrics } from '../../worker/metrics.js';
import { temporaryFolder } from '../cli/cli.js';
import { onPath } from '../support/on-path.js';

const PROMETHEUS = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url));
const RULES = join(PROMETHEUS, 'rollouts.rules.yml');
const DASHBOARD = new URL('../../deploy/grafana/rollouts.json', import.meta.url);

/** What the dashboard asks Prometheus, with Grafana's own variables filled in. */
async function dashboardQueries(): Promise<readonly string[]> {
  const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as {
    readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
  };
  return panels
    .flatMap(({ targets }) => targets.map(({ expr }) => expr))
    .map((expr) => expr.replace(/\$__(range|rate_interval)/g, '5m').replace(/\$(endpoint|target)/g, '.*'));
}

async function ruleQueries(): Promise<readonly string[]> {
  const { groups } = parse(await readFile(RULES, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
  };
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
}

describe('dashboard and alerts', () => {
  it('ask for nothing that the worker does not count', async () => {
    const counted = (await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name);
    const asked = [...(await dashboardQueries()), ...(await ruleQueries())].flatMap(
      (query) => query.match(/\brollout_\w+/g) ?? [],
    );

    expect(asked.length).toBeGreaterThan(10);
    expect(
      asked.map((name) => name.replace(/_(bucket|count)$/, '')).filter((name) => !counted.includes(name)),
    ).toEqual([]);
  });
});

describe.skipIf(onPath('promtool') === undefined)('alerts (needs promtool on the PATH)', () => {
  it.each([
    ['check', 'rules', 'rollouts.rules.yml'],
    ['check', 'config', 'prometheus.yml'],
    ['test', 'rules', 'rollouts.rules.test.yml'],
  ])('promtool %s %s %s', async (verb, what, file) => {
    const { code, output } = await run('promtool', [verb, what, join(PROMETHEUS, file)], {
      timeoutMs: 30_000,
    });

    expect(code, output).toBe(0);
  });
});

describe.skipIf(onPath('prometheus') === undefined)(
  'a real Prometheus (needs prometheus on the PATH)',
  () => {
    const metrics = createMetrics();
    let health: HealthServer;
    let prometheus: ChildProcess;
    let url = '';

    beforeAll(async () => {
      const folder = await temporaryFolder();
      health = await serveHealth(0, {
        ready: () => true,
        metrics: async () => ({
          contentType: metrics.registry.contentType,
          text: await metrics.registry.metrics(),
        }),
      });
      const config = {
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [RULES],
        scrape_configs: [
          { job_name: 'greenlight-worker', static_configs: [{ targets: [new URL(health.url).host] }] },
        ],
      };
      // JSON is YAML.
      await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
      const address = `127.0.0.1:${await freePort()}`;
      url = `http://${address}`;
      prometheus = spawn(
        'prometheus',
        [
          `--config.file=${join(folder, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(folder, 'data')}`,
          `--web.listen-address=${address}`,
        ],
        { stdio: 'ignore' },
      );
    });

    afterAll(async () => {
      const ended = new Promise((resolve) => prometheus.once('exit', resolve));
      prometheus.kill('SIGTERM');
      await ended;
      await health.close();
    });

    async function ask(path: string): Promise<unknown> {
      const { body } = await request(`${url}/api/v1/${path}`);
      return body.json();
    }

    async function samples(query: string): Promise<readonly unknown[]> {
      const answer = (await ask(`query?query=${encodeURIComponent(query)}`).catch(() => ({}))) as {
        readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
      };
      return (answer.data?.result ?? []).map(({ value }) => value[1]);
    }

    it('scrapes the worker, and alerts when a rollback could not be proven', async () => {
      const name = { endpoint: 'diabetes', target: 'host/local' };
      metrics.rollouts.begun(name);
      await expect.poll(() => samples('rollout_ended_total{outcome="rollback-incomplete"}')).toEqual(['0']);

      metrics.rollouts.ended({
        ...name,
        outcome: 'rollback-incomplete',
        durationMs: 60_000,
        rollbackMs: null,
      });

      await expect
        .poll(() => samples('ALERTS{alertname="RolloutRollbackIncomplete",alertstate="firing"}'), {
          timeout: 20_000,
        })
        .toEqual(['1']);
    });

    it('understands every query of the dashboard', async () => {
      for (const query of await dashboardQueries()) {
        await expect(ask(`query?query=${encodeURIComponent(query)}`), query).resolves.toMatchObject({
          status: 'success',
        });
      }
    });
  },
);
