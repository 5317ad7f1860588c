import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

interface Manifest {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly containers: readonly [
          {
            readonly image: string;
            readonly command: readonly string[];
            readonly env: readonly { readonly name: string; readonly valueFrom?: unknown }[];
          },
        ];
      };
    };
  };
}

const VERSION = 'app.kubernetes.io/version';

it('the manifest of the worker names one version throughout, so that the next one can stand beside it', async () => {
  const text = await readFile(new URL('../../deploy/kubernetes/worker.yaml', import.meta.url), 'utf8');
  const { metadata, spec } = parse(text) as Manifest;
  const [worker] = spec.template.spec.containers;
  const version = spec.template.metadata.labels[VERSION] ?? '';

  expect(version).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
  expect(worker.image).toBe(`greenlight:${version}`);
  expect(metadata.name).toBe(`greenlight-worker-${version.replaceAll('.', '-')}`);
  // Otherwise two Deployments would fight for each other's pods.
  expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
  expect(worker.command).toContain('--make-current');
  expect(worker.env).toContainEqual({
    name: 'GREENLIGHT_WORKER_VERSION',
    valueFrom: { fieldRef: { fieldPath: `metadata.labels['${VERSION}']` } },
  });
});
