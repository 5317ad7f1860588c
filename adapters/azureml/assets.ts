import { pathToFileURL } from 'node:url';
import { parseAssetId } from '../../core/asset-id.js';
import type { AssetRef } from '../../core/deployment.js';
import { PortError } from '../ports.js';

export type AssetKind = 'model' | 'code' | 'environment';

const COLLECTION = { model: 'models', code: 'codes', environment: 'environments' } as const;

export interface AssetSettings {
  /** ARM id of the workspace. */
  readonly workspaceId: string;
  /** Whether the service can read files of this machine: the endpoint host can, Azure cannot. */
  readonly localPaths: boolean;
}

/**
 * The id by which the service finds an asset.
 *
 * @param asset - a path on this machine, or an id as a deployment file writes it: `azureml:NAME:VERSION`,
 *   `azureml://registries/…`, an ARM id with or without `azureml:` in front.
 * @throws {PortError} permanent, for a path where the service cannot read it, and for a label such as `NAME@latest`.
 */
export function assetId(kind: AssetKind, asset: AssetRef, settings: AssetSettings): string {
  if (asset.kind === 'path') return pathId(kind, asset.path, settings);
  const named = parseAssetId(asset.id);
  if (named !== undefined) {
    return 'whole' in named
      ? named.whole
      : `${settings.workspaceId}/${COLLECTION[kind]}/${named.name}/versions/${named.version}`;
  }
  throw new PortError(
    `The ${kind} "${asset.id}" names no version; it must be azureml:NAME:VERSION, a registry address or a full id; ` +
      'pin the version, so that what was tested is what is deployed',
    { kind: 'permanent', code: 'AssetWithoutVersion' },
  );
}

const HOW_TO_REGISTER = {
  model: 'register it (az ml model create) and name it as azureml:NAME:VERSION',
  environment: 'register it (az ml environment create) and name it as azureml:NAME:VERSION',
  // There is no command that registers code alone.
  code:
    'deploy it once with az ml online-deployment create, which registers it, ' +
    'and name the id that az ml online-deployment show gives as its code',
} as const satisfies Record<AssetKind, string>;

function pathId(kind: AssetKind, path: string, settings: AssetSettings): string {
  if (settings.localPaths) return pathToFileURL(path).href;
  throw new PortError(
    `The ${kind} is the local path ${path}; Azure ML deploys registered assets only; ${HOW_TO_REGISTER[kind]}`,
    { kind: 'permanent', code: 'LocalAsset' },
  );
}
