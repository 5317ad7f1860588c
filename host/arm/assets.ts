import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import type { DeploymentProperties, DeploymentRecord, ProcessSpec } from '../state/model.js';
import { hasCode, makeFolder } from '../state/atomic.js';
import { findAsset } from '../assets/references.js';
import type { HostContext } from '../context.js';
import { modelTarget } from '../serving/launch.js';
import { isMlflowModel, MLFLOW_SCRIPT, writeMlflowScript } from '../serving/mlflow.js';
import { BadAsset, digestOf, snapshot } from '../serving/snapshot.js';
import type { Assets } from './deployment-spec.js';
import { badArgument } from './errors.js';

/**
 * Copies what a deployment runs into the folder of a new generation.
 *
 * Azure's assets never change under one id. So a reference that the deployment already runs means the copy taken then,
 * however the caller's files look by now; only a deployment that does not serve takes the files anew.
 *
 * @throws {ArmError} 400 for a reference that the host cannot use.
 */
export async function takeAssets(
  context: HostContext,
  workspace: string,
  properties: DeploymentProperties,
  before: DeploymentRecord | undefined,
  target: string,
): Promise<Assets> {
  const known = before?.state === 'Succeeded' ? before : undefined;
  const running: ProcessSpec | undefined = known?.specs[known.generation];
  const codeId = properties.codeConfiguration?.codeId;
  const codeDir = join(target, 'code');
  const modelDir = join(target, 'model');
  const find = (reference: string, field: string) =>
    findAsset(reference, field, workspace, context.store, context.blobs);
  try {
    if (codeId !== undefined) {
      const sameAsBefore =
        codeId === known?.properties.codeConfiguration?.codeId ? running?.codeDir : undefined;
      await snapshot(
        sameAsBefore ?? (await find(codeId, 'properties.codeConfiguration.codeId')).path,
        codeDir,
      );
      await checkScript(codeDir, properties.codeConfiguration?.scoringScript ?? 'score.py');
    }
    if (properties.model !== undefined) {
      const sameAsBefore = properties.model === known?.properties.model ? running?.modelDir : undefined;
      if (sameAsBefore != null) {
        await snapshot(sameAsBefore, modelDir);
      } else {
        const { path: source } = await find(properties.model, 'properties.model');
        const isFolder = (await stat(source)).isDirectory();
        await snapshot(source, isFolder ? modelTarget(modelDir, source) : modelDir);
      }
    }
  } catch (error) {
    if (error instanceof BadAsset) throw badArgument(error.message);
    throw error;
  }
  const withoutCode = codeId === undefined && properties.properties['greenlight.command'] === undefined;
  const mlflow = withoutCode && properties.model !== undefined && (await isMlflowModel(modelDir));
  if (mlflow) {
    await makeFolder(codeDir);
    await writeMlflowScript(codeDir);
  }
  const hash = createHash('sha256');
  if (codeId !== undefined || mlflow) hash.update(await digestOf(codeDir));
  if (properties.model !== undefined) hash.update('\0').update(await digestOf(modelDir));
  return {
    codeDir: codeId === undefined && !mlflow ? null : codeDir,
    script: mlflow ? MLFLOW_SCRIPT : null,
    modelDir: properties.model === undefined ? null : modelDir,
    digest: hash.digest('hex'),
  };
}

async function checkScript(codeDir: string, script: string): Promise<void> {
  const inside = relative(codeDir, join(codeDir, script));
  if (isAbsolute(script) || inside.startsWith('..')) {
    throw badArgument(
      `properties.codeConfiguration.scoringScript is ${script}; expected a path inside the code folder.`,
    );
  }
  try {
    await stat(join(codeDir, script));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    throw badArgument(
      `properties.codeConfiguration.scoringScript is ${script}; the code folder has no such file.`,
    );
  }
}
