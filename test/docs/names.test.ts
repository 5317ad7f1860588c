import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SEARCH_ATTRIBUTES } from '../../core/search-attributes.js';
import { NOTIFY_EVENTS } from '../../core/notification.js';
import { packageRoot } from '../../embedded/package-root.js';
import { createMetrics } from '../../worker/metrics.js';
import { readPages } from './pages.js';

const RULES = 'deploy/prometheus/rollouts.rules.yml';

it.each<[what: string, page: string, names: () => Promise<string[]> | string[]]>([
  ['alert', 'docs/seeing.md', alerts],
  ['metric', 'docs/seeing.md', metrics],
  ['search attribute', 'docs/seeing.md', () => Object.keys(SEARCH_ATTRIBUTES)],
  ['search attribute', 'docs/operations.md', () => Object.keys(SEARCH_ATTRIBUTES)],
  ['event of notifications', 'docs/seeing.md', () => [...NOTIFY_EVENTS]],
])('every %s is told of in %s', async (_what, page, namesOf) => {
  const text = (await readPages()).get(page) ?? '';
  const names = await namesOf();

  expect(names.length).toBeGreaterThan(4);
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
});

async function alerts(): Promise<string[]> {
  const rules = await readFile(join(packageRoot(), RULES), 'utf8');
  return [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = '']) => name);
}

/** Our own: Temporal's SDK documents its. */
async function metrics(): Promise<string[]> {
  const all = await createMetrics().registry.getMetricsAsJSON();
  return all.map(({ name }) => name).filter((name) => name.startsWith('rollout_'));
}
