import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  loadAllYaml,
  PatchStrategy,
} from '@kubernetes/client-node';
import { EmbeddedError, messageOf } from '../errors.js';
import { until } from '../processes.js';

/** Any object, as its YAML has it. */
export interface Manifest extends KubernetesObject {
  readonly [field: string]: unknown;
}

const FIELD_MANAGER = 'test-bed';

/** Creates objects, or makes them what they should be, in this order. */
export async function apply(config: KubeConfig, objects: readonly Manifest[]): Promise<void> {
  // One client for all: it asks what kinds there are once.
  let api = KubernetesObjectApi.makeApiClient(config);
  for (const object of objects) {
    let last: unknown;
    const done = await until(async () => {
      try {
        await api.patch(object, undefined, undefined, FIELD_MANAGER, true, PatchStrategy.ServerSideApply);
        return true;
      } catch (error) {
        last = error;
        // A kind that was defined a moment ago is served a moment later, and the client remembers what it was told.
        api = KubernetesObjectApi.makeApiClient(config);
        return undefined;
      }
    }, 15_000);
    if (done === undefined) {
      throw new EmbeddedError(
        `The test bed's cluster does not take ${object.kind ?? 'an object'} ${object.metadata?.name ?? ''}: ${messageOf(last)}`,
      );
    }
  }
}

/** All objects of the YAML files of a folder and the folders in it, by name. */
export async function readManifests(folder: string): Promise<Manifest[]> {
  const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.yaml')).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return texts
    .flatMap((text) => loadAllYaml(text) as Manifest[])
    .filter((object) => object?.kind !== undefined);
}
