import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureEntry, hasEntry } from '../cache.js';
import { EmbeddedError } from '../errors.js';
import type { Progress } from '../progress.js';
import { run, whyNot } from '../run.js';
import { goModule } from './go-tools.js';

const ISTIO_API_VERSION = '1.31.1';
const KSERVE_VERSION = '0.17.0';
const ENTRY = `resource-definitions-istio-${ISTIO_API_VERSION}-kserve-${KSERVE_VERSION}`;

/** Where each stands in its Go module; Apache-2.0, both. */
const SOURCES = [
  {
    module: `istio.io/api@v${ISTIO_API_VERSION}`,
    file: join('kubernetes', 'customresourcedefinitions.gen.yaml'),
    name: 'istio.yaml',
  },
  {
    module: `github.com/kserve/kserve@v${KSERVE_VERSION}`,
    file: join('config', 'crd', 'full', 'serving.kserve.io_inferenceservices.yaml'),
    name: 'kserve.yaml',
  },
] as const;

/**
 * A folder of YAML files: the resource definitions of Istio and of KServe's InferenceService. Of their controllers the test
 * bed runs istiod alone, where that is asked for (see istio.ts).
 *
 * @throws {EmbeddedError} when they cannot be fetched.
 */
export function ensureDefinitions(progress: Progress, signal?: AbortSignal): Promise<string> {
  return ensureEntry({
    name: ENTRY,
    async build(folder) {
      progress(
        `fetching the resource definitions of Istio ${ISTIO_API_VERSION} and KServe ${KSERVE_VERSION}`,
      );
      for (const { module, file, name } of SOURCES) {
        const source = await goModule(module, signal);
        if ('why' in source) {
          throw new EmbeddedError(
            [
              `The resource definitions of ${module} cannot be fetched for the Kubernetes test bed: ${source.why}`,
              'Wanted: Go on the PATH, and a Go module proxy (GOPROXY) that answers.',
            ].join('\n'),
          );
        }
        await cp(join(source.folder, file), join(folder, name));
      }
    },
  });
}

/** @returns why they are neither in the cache nor can be fetched. */
export async function whyNoDefinitions(): Promise<string | undefined> {
  if (await hasEntry(ENTRY)) return undefined;
  const go = await run('go', ['version'], { timeoutMs: 30_000 });
  return go.code === 0
    ? undefined
    : `no resource definitions in the cache, and no Go to fetch them with: ${whyNot(go)}`;
}
