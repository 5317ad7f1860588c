import { stat } from 'node:fs/promises';
import { hasCode } from '../state/atomic.js';
import { assetKey, type Store } from '../state/store.js';
import { BadAsset, localAsset } from '../serving/snapshot.js';
import type { BlobStore } from './blobs.js';

/** Kinds of assets that have versions, as their addresses spell them. */
export const ASSET_KINDS = ['codes', 'models', 'environments'] as const;
export type AssetKind = (typeof ASSET_KINDS)[number];

/** The one datastore that every workspace of the host has, and its container. */
export const DATASTORE = 'workspaceblobstore';
export const DATASTORE_CONTAINER = 'azureml-blobstore';

export interface AssetFiles {
  readonly path: string;
  /** Kind of a registered model, such as `mlflow_model`; undefined when nobody said. */
  readonly type: string | undefined;
}

const ARM_ID =
  /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.MachineLearningServices\/workspaces\/([^/]+)\/(codes|models)\/([^/]+)\/versions\/([^/]+)$/i;

/**
 * The file or folder that a deployment's reference to code or a model names.
 *
 * Two kinds are taken: `file:///path` of this machine, and the ARM id of an asset that was registered on this host,
 * which is what Microsoft's client sends after it has uploaded local files.
 *
 * @throws {BadAsset} when it names neither, or nothing that is there.
 */
export async function findAsset(
  reference: string,
  field: string,
  workspace: string,
  store: Store,
  blobs: BlobStore,
): Promise<AssetFiles> {
  const id = ARM_ID.exec(reference);
  if (!id) return { path: await localAsset(reference, field), type: undefined };
  const [, owner = '', kind = '', name = '', version = ''] = id;
  const asset =
    owner.toLowerCase() === workspace
      ? store.state.assets[assetKey(workspace, kind.toLowerCase(), name, version)]
      : undefined;
  if (!asset) {
    throw new BadAsset(
      `${field} names ${kind} ${name} version ${version} of workspace ${owner}, which is not registered in workspace ${workspace} of this host`,
    );
  }
  const uri = asset.properties['codeUri'] ?? asset.properties['modelUri'];
  if (typeof uri !== 'string')
    throw new BadAsset(`${field}: ${kind} ${name} version ${version} names no files`);
  const path = uploadedPath(uri, blobs);
  const type = asset.properties['modelType'];
  return {
    path: path === undefined ? await localAsset(uri, field) : await existing(path, field, uri),
    type: typeof type === 'string' ? type : undefined,
  };
}

/** Where the files of an address of this host lie; undefined for other addresses. */
function uploadedPath(uri: string, blobs: BlobStore): string | undefined {
  const data = /^azureml:\/\/.*\/workspaces\/([^/]+)\/datastores\/([^/]+)\/paths\/(.+?)\/*$/i.exec(uri);
  if (data?.[2]?.toLowerCase() === DATASTORE) {
    return blobs.path(data[1]!.toLowerCase(), DATASTORE_CONTAINER, data[3]!);
  }
  const blob = /^https:\/\/[^/]+\/blobs\/([^/]+)\/([^/?]+)(?:\/([^?]*?))?\/*(?:\?.*)?$/.exec(uri);
  if (!blob) return undefined;
  const [, account = '', container = '', name = ''] = blob.map((part) => decodeURIComponent(part ?? ''));
  const owner = accountName(account);
  return name === '' || name === '.' ? blobs.folder(owner, container) : blobs.path(owner, container, name);
}

/** Microsoft's client puts `.blob.<suffix>` behind what it was told the storage account is called. */
export function accountName(text: string): string {
  return text.replace(/\.blob\..*$/, '').toLowerCase();
}

async function existing(path: string, field: string, uri: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    throw new BadAsset(`${field} names files at ${uri.split('?')[0]}, and none were uploaded there`);
  }
}
