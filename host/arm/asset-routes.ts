import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ASSET_KINDS, DATASTORE, DATASTORE_CONTAINER, type AssetKind } from '../assets/references.js';
import { signContainer } from '../assets/sas.js';
import type { HostContext } from '../context.js';
import type { AssetRecord } from '../state/model.js';
import { assetKey } from '../state/store.js';
import { scopeOf, type Query } from './calls.js';
import { ArmError, badArgument, notFound } from './errors.js';
import { PROVIDER, workspaceId, type Scope } from './ids.js';
import { parseBody } from './schemas.js';

interface Params {
  readonly kind: AssetKind;
  readonly name: string;
  readonly version: string;
}

const AssetBody = z.object({ properties: z.record(z.string(), z.unknown()) });

const ASSET_NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,254}$/;

/** What may never change under a version: the files, or the image, that it stands for. */
const FIXED = ['codeUri', 'modelUri', 'image', 'condaFile', 'build'];

/**
 * Code, models and environments, as far as Microsoft's client needs them to deploy from files of its own machine.
 *
 * The client uploads such files before it sends the deployment, and leaves no way to hand over a path instead, so the
 * host answers the upload (blob-routes.ts). An environment is written down and given back, and not built: there is one
 * Python on this machine, and it is the environment of every score.py.
 */
export function assetRoutes(app: FastifyInstance, context: HostContext): void {
  const { assets } = context.store.state;
  const at = (kind: AssetKind): string => `/${kind}/:name/versions/:version`;
  const versionsOf = (scope: Scope, kind: AssetKind, name: string): AssetRecord[] =>
    Object.values(assets).filter(
      (asset) =>
        asset.workspace === scope.workspace &&
        asset.kind === kind &&
        asset.name.toLowerCase() === name.toLowerCase(),
    );

  for (const kind of ASSET_KINDS) {
    app.get<{ Params: Params }>(`/${kind}/:name`, (request) => {
      const scope = scopeOf(request);
      const { name } = request.params;
      const versions = versionsOf(scope, kind, name);
      const latest = versions.at(-1);
      if (!latest) throw notFound(`${kind} ${name} in workspace ${scope.workspace}`);
      const highest = Math.max(0, ...versions.map(({ version }) => Number(version)).filter(Number.isFinite));
      return {
        id: `${workspaceId(scope)}/${kind}/${latest.name}`,
        name: latest.name,
        type: `${PROVIDER}/workspaces/${kind}`,
        properties: { latestVersion: latest.version, nextVersion: String(highest + 1), isArchived: false },
      };
    });

    app.get<{ Params: Params; Querystring: Query }>(`/${kind}/:name/versions`, (request) => {
      const scope = scopeOf(request);
      const { hash } = request.query;
      // Microsoft's client asks by content under a name that it has just made up: whatever has it under any name will do.
      const found = Object.values(assets)
        .filter((asset) => asset.workspace === scope.workspace && asset.kind === kind)
        .filter((asset) =>
          hash === undefined
            ? asset.name.toLowerCase() === request.params.name.toLowerCase()
            : hashOf(asset) === hash,
        )
        .reverse(); // newest first, which is what clients that ask for one want
      return { value: found.map((asset) => resourceOf(asset, scope)) };
    });

    app.get<{ Params: Params }>(at(kind), (request) => {
      const scope = scopeOf(request);
      const { name, version } = request.params;
      const asset = assets[assetKey(scope.workspace, kind, name, version)];
      if (!asset) throw notFound(`${kind} ${name} version ${version} in workspace ${scope.workspace}`);
      return resourceOf(asset, scope);
    });

    app.put<{ Params: Params }>(at(kind), async (request, reply) => {
      const scope = scopeOf(request);
      const { name, version } = request.params;
      checkAssetName(kind, name, version);
      const { properties } = parseBody(AssetBody, request.body);
      const key = assetKey(scope.workspace, kind, name, version);
      const before = assets[key];
      if (before) checkSame(before, properties);
      const now = new Date().toISOString();
      const asset = {
        ...{ workspace: scope.workspace, kind, name, version, properties },
        createdAt: before?.createdAt ?? now,
        modifiedAt: now,
      };
      assets[key] = asset;
      await context.store.save();
      return reply.code(before ? 200 : 201).send(resourceOf(asset, scope));
    });

    app.post<{ Params: Params }>(`${at(kind)}/startPendingUpload`, (request) => {
      const { workspace } = scopeOf(request);
      const container = `${kind}-${randomUUID()}`;
      const uri = `${context.armUrl}/blobs/${workspace}/${container}`;
      return {
        pendingUploadId: randomUUID(),
        pendingUploadType: 'TemporaryBlobReference',
        blobReferenceForConsumption: {
          blobUri: uri,
          storageAccountArmId: storageAccountId(scopeOf(request)),
          credential: {
            credentialType: 'SAS',
            sasUri: `${uri}?${signed(context, workspace, container)}`,
          },
        },
      };
    });
  }

  app.get('/datastores', (request) => ({ value: [datastore(scopeOf(request), context)] }));

  app.get<{ Params: { name: string } }>('/datastores/:name', (request) => {
    checkDatastore(request.params.name);
    return datastore(scopeOf(request), context);
  });

  app.post<{ Params: { name: string } }>('/datastores/:name/listSecrets', (request) => {
    checkDatastore(request.params.name);
    return { secretsType: 'Sas', sasToken: signed(context, scopeOf(request).workspace, DATASTORE_CONTAINER) };
  });
}

function signed(context: HostContext, workspace: string, container: string): string {
  return signContainer(context.uploadSecret, workspace, container, Date.now() / 1000);
}

function checkAssetName(kind: AssetKind, name: string, version: string): void {
  for (const [what, text] of Object.entries({ name, version })) {
    if (ASSET_NAME.test(text)) continue;
    throw badArgument(
      `The ${what} "${text}" is not allowed for ${kind}: it has 1 to 255 letters, digits, dashes, dots and underscores, and begins with a letter or digit.`,
      what,
    );
  }
}

/** @throws {ArmError} 409 when a version would come to stand for something else. */
function checkSame(before: AssetRecord, properties: Readonly<Record<string, unknown>>): void {
  const changed = FIXED.find(
    (field) => JSON.stringify(before.properties[field]) !== JSON.stringify(properties[field]),
  );
  if (changed === undefined) return;
  throw new ArmError(
    409,
    'Conflict',
    `${before.kind} ${before.name} version ${before.version} exists with another ${changed}; a version never changes: register a new one.`,
  );
}

function checkDatastore(name: string): void {
  if (name.toLowerCase() !== DATASTORE)
    throw notFound(`Datastore ${name}; this host has ${DATASTORE}, which`);
}

function hashOf(asset: AssetRecord): unknown {
  const told = asset.properties['properties'];
  return typeof told === 'object' && told !== null && 'hash_sha256' in told ? told.hash_sha256 : undefined;
}

function storageAccountId(scope: Scope): string {
  return `/subscriptions/${scope.subscription}/resourceGroups/${scope.resourceGroup}/providers/Microsoft.Storage/storageAccounts/local`;
}

/** Microsoft's client fails on a model without flavors. */
function defaultsOf({ kind }: AssetRecord): Record<string, unknown> {
  return kind === 'models' ? { flavors: {}, isAnonymous: false, isArchived: false } : { isArchived: false };
}

function resourceOf(asset: AssetRecord, scope: Scope): Record<string, unknown> {
  return {
    id: `${workspaceId(scope)}/${asset.kind}/${asset.name}/versions/${asset.version}`,
    name: asset.version,
    type: `${PROVIDER}/workspaces/${asset.kind}/versions`,
    properties: { tags: {}, properties: {}, ...defaultsOf(asset), ...asset.properties },
    systemData: {
      createdAt: asset.createdAt,
      createdBy: 'endpoint host',
      createdByType: 'Application',
      lastModifiedAt: asset.modifiedAt,
    },
  };
}

/** Clients put `.blob.<suffix>` behind the account's name and `https://` before it: so the name holds address and path. */
function datastore(scope: Scope, context: HostContext): Record<string, unknown> {
  return {
    id: `${workspaceId(scope)}/datastores/${DATASTORE}`,
    name: DATASTORE,
    type: `${PROVIDER}/workspaces/datastores`,
    properties: {
      datastoreType: 'AzureBlob',
      isDefault: true,
      accountName: `${context.armUrl.replace('https://', '')}/blobs/${scope.workspace}`,
      containerName: DATASTORE_CONTAINER,
      endpoint: 'local',
      protocol: 'https',
      serviceDataAccessAuthIdentity: 'None',
      credentials: { credentialsType: 'Sas', secrets: { secretsType: 'Sas' } },
      tags: {},
      properties: {},
    },
  };
}
