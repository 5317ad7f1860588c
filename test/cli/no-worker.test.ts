import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { start } from '../../client/start-rollout.js';
import type { Rollout } from '../../client/rollout.js';
import type { Session } from '../../client/temporal.js';
import type { Context } from '../../cli/context.js';
import { waitForEnd } from '../../cli/wait.js';
import { makeBareNamespace, makeNamespace } from '../support/namespace.js';
import { planOf, rampStep } from '../support/plans.js';
import { greenlight, temporaryFolder } from './cli.js';
import { writeSpec } from './cli-bench.js';
import { reportOf } from './statuses.js';

// Whoever is told to run `greenlight up` there starts a worker that acts on everybody's endpoints with what this machine
// has of credentials.
const STARTS_HERE = /run `greenlight up`|`greenlight up` (starts|gets|downloads)/i;

const PLAN = planOf('diabetes', [rampStep(10)]);

it('is no reason to start one on this machine where the server is one that others share', async () => {
  const namespace = `shared-${randomUUID()}`;
  await makeNamespace(namespace);
  const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_NAMESPACE: namespace };
  vi.stubEnv('PATH', await temporaryFolder());
  vi.stubEnv('GREENLIGHT_CACHE', await temporaryFolder());
  vi.stubEnv('KUBECONFIG', join(await temporaryFolder(), 'none'));
  onTestFinished(() => void vi.unstubAllEnvs());
  const state = ['--state', await temporaryFolder()];
  const spec = await writeSpec(await temporaryFolder(), 'shared', ['create', 'cutover']);

  const submitted = await greenlight(['submit', spec, ...state], { env });
  const looked = await greenlight(['doctor', '--target', 'kubernetes/none-such/models', ...state], { env });
  const astray = await greenlight(['doctor', ...state], { env });

  expect(submitted).toMatchObject({ code: 9, stdout: '' });
  expect(submitted.stderr).toContain('\nStart the workers of that server and namespace where they belong, ');
  expect(looked.stdout).toContain(
    '  Worker: Start the workers of that server and namespace where they belong, ',
  );
  expect(astray.stdout).toContain('  Endpoint host: name the target with --target or GREENLIGHT_TARGET, ');
  for (const told of [submitted.stderr, looked.stdout]) expect(told).not.toMatch(STARTS_HERE);
});

it('is told with the commands that register search attributes on a server of ours and on Temporal Cloud', async () => {
  const namespace = `bare-${randomUUID()}`;
  await makeBareNamespace(namespace);
  const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_NAMESPACE: namespace };
  const state = await temporaryFolder();
  let told = '';
  const looked = async () => (told = (await greenlight(['doctor', '--state', state], { env })).stdout);

  await expect
    .poll(looked)
    .toContain(
      `  Search attributes: run \`temporal operator search-attribute create --namespace ${namespace} --name RolloutEndpoint --type Keyword `,
    );
  expect(told).toContain(
    `; on Temporal Cloud, \`tcld namespace search-attributes add --namespace ${namespace} --search-attribute RolloutEndpoint=Keyword `,
  );
});

it('registers no search attributes by a worker of this machine either', async () => {
  const failing = { start: () => Promise.reject(new Error('no mapping for search attribute RolloutPhase')) };
  const startOn = (source: string) => {
    const place = { address: 'temporal:7233', namespace: 'rollouts', source };
    const session = { client: { workflow: failing }, place } as unknown as Session;
    return start(session, PLAN, { digest: 'd', by: 'bob', spec: 'rollout.yml' });
  };

  await expect(startOn('environment')).rejects.toThrow(
    '`greenlight doctor diabetes --target host/diabetes` prints the command that registers them',
  );
  await expect(startOn('environment')).rejects.not.toThrow(STARTS_HERE);
  await expect(startOn('stack')).rejects.toThrow('Run `greenlight up`, which registers them');
});

it('is told to who waits for a rollout, with the command that says what to do about it', async () => {
  const notes: string[] = [];
  const out = { json: false, note: (text: string) => notes.push(text), line: () => undefined };
  const ctx = { out, terminal: null, stop: () => new AbortController().signal } as unknown as Context;
  const rollout = {
    endpoint: 'diabetes',
    target: PLAN.target,
    observe: () => [{ kind: 'silent' }, { kind: 'ended', ended: { kind: 'report', report: reportOf() } }],
  };

  await waitForEnd(ctx, rollout as unknown as Rollout);

  expect(notes[0]).toContain('`greenlight doctor diabetes --target host/diabetes`');
  expect(notes[0]).not.toMatch(STARTS_HERE);
});
