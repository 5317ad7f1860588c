import { randomUUID } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { packageRoot } from '../../embedded/package-root.js';
import { until } from '../../embedded/processes.js';
import { run } from '../../embedded/run.js';
import { freePort } from '../../host/ports.js';
import { makeNamespace } from '../support/namespace.js';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Manifest {
  readonly spec: {
    readonly template: {
      readonly metadata: Readonly<Record<'annotations' | 'labels', Readonly<Record<string, string>>>>;
      readonly spec: { readonly containers: readonly [Container] };
    };
  };
}
interface Container {
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
}

const text = await readFile(join(packageRoot(), 'deploy', 'kubernetes', 'worker.yaml'), 'utf8');
const { template } = (parse(text) as Manifest).spec;
const [container] = template.spec.containers;
/** Its version becomes the current one, which concerns all rollouts of a namespace. */
const NAMESPACE = `manifest-${randomUUID()}`;
/** Not where it would listen by itself: only who listens on every address answers here. */
const FROM_OUTSIDE = '127.0.0.2';

/** Where the bundle of the workflows is kept, unless it may not be written. */
const BUNDLES = join(packageRoot(), 'dist', 'workflow-bundle');
const READ_ONLY = ['sh', '-c', 'mount -t tmpfs -o ro none "$0" && exec "$@"', BUNDLES];
const UNSHARE = ['unshare', '--user', '--map-root-user', '--mount', '--kill-child', '--fork'];

/** As in a container with a read-only root file system, where this machine gives such namespaces. */
const readOnly = await run('unshare', [...UNSHARE.slice(1), ...READ_ONLY, 'true'], {
  timeoutMs: 10_000,
}).then(({ code }) => code === 0);

beforeAll(() => makeNamespace(NAMESPACE));

describe.each([
  ['a worker as the manifest starts it', false],
  ...(readOnly ? [['with a root file system that it may not write', true] as const] : []),
] as const)('%s', (_, isReadOnly) => {
  let folder: string;
  let worker: ChildProcess;
  let base: string;
  let said = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'greenlight-manifest-'));
    const port = await freePort();
    base = `http://${FROM_OUTSIDE}:${port}`;
    const words = [...container.command, ...container.args].map((word) =>
      word === '/tmp/greenlight'
        ? join(folder, 'state')
        : word === String(portOf('health'))
          ? String(port)
          : word,
    );
    const [program = '', ...args] = [...(isReadOnly ? [...UNSHARE, ...READ_ONLY] : []), ...words];
    worker = spawn(program, args, {
      cwd: packageRoot(),
      env: {
        ...process.env,
        TEMPORAL_ADDRESS: inject('temporalAddress'),
        TEMPORAL_NAMESPACE: NAMESPACE,
        // As the label of its pod says.
        GREENLIGHT_WORKER_VERSION: template.metadata.labels['app.kubernetes.io/version'],
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [worker.stdout, worker.stderr]) stream?.on('data', (data) => (said += String(data)));
    await until(() => ask(container.readinessProbe), 60_000);
  }, 90_000);

  afterAll(async () => {
    const ended = worker.exitCode === null ? once(worker, 'exit') : undefined;
    worker.kill(isReadOnly ? 'SIGKILL' : 'SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });

  const portOf = (name: string) => container.ports.find((port) => port.name === name)?.containerPort;
  /** As the kubelet asks: any 2xx or 3xx will do. */
  const ask = ({ httpGet: { path, port } }: Probe): Promise<number | undefined> => {
    if (portOf(port) === undefined) throw new Error(`the container has no port ${port}`);
    return fetch(`${base}${path}`, { redirect: 'manual' }).then(
      ({ status }) => (status >= 200 && status < 400 ? status : undefined),
      () => undefined,
    );
  };

  it.each(['startupProbe', 'readinessProbe', 'livenessProbe'] as const)('answers its %s', async (probe) => {
    expect(await ask(container[probe]), said).toBe(200);
  });

  it('gives its metrics to whoever goes by the annotations, from outside of its pod', async () => {
    const { annotations } = template.metadata;
    expect(annotations['prometheus.io/scrape']).toBe('true');
    expect(Number(annotations['prometheus.io/port'])).toBe(portOf('health'));

    const metrics = await fetch(`${base}${annotations['prometheus.io/path']}`).then((answer) =>
      answer.text(),
    );
    expect(metrics).toMatch(/^# TYPE rollout_begun_total counter$/m);
    expect(metrics).toMatch(/^temporal_/m);
  });
});
