import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Context } from '../../cli/context.js';
import { openTarget } from '../../cli/endpoints.js';
import type { Target } from '../../core/plan.js';
import { temporaryFolder } from './cli.js';

const KUBECONFIG = `apiVersion: v1
kind: Config
current-context: here
clusters: [{ name: here, cluster: { server: 'http://127.0.0.1:1' } }]
contexts: [{ name: here, context: { cluster: here, user: me } }]
users: [{ name: me, user: {} }]
`;

const NAMESPACE: Target = { kind: 'kubernetes', namespace: 'models' };
const HOST: Target = { kind: 'host', workspace: 'local' };

it.each([
  ['its own target', { target: NAMESPACE }, undefined],
  ["a spec's target", { target: HOST }, NAMESPACE],
])('a command opens %s with the variables that it was given', async (_, { target }, named) => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'config'), KUBECONFIG);
  vi.stubEnv('KUBECONFIG', join(folder, 'config'));
  onTestFinished(() => void vi.unstubAllEnvs());
  const env = { GREENLIGHT_PROMETHEUS_URL: 'metrics' };

  const { metrics } = await openTarget({ env, stateDir: folder, target } as unknown as Context, named);

  await expect(metrics.read('diabetes', ['blue'])).rejects.toThrow('GREENLIGHT_PROMETHEUS_URL is "metrics"');
});
