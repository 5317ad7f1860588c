import { createHash } from 'node:crypto';
import type { DeploymentProperties, ProcessSpec, Tags } from '../state/model.js';
import { durationMs } from '../serving/duration.js';
import { badArgument } from './errors.js';
import { mergeProperties } from './merge.js';
import type { DeploymentBody } from './schemas.js';

type GivenProbe = NonNullable<DeploymentBody['properties']['livenessProbe']>;

/** ARM's `properties` with every default filled in, as the swagger states them. */
export function completeProperties(body: DeploymentBody, before: Tags): DeploymentProperties {
  const given = body.properties;
  const { requestSettings } = given;
  return {
    endpointComputeType: given.endpointComputeType,
    ...pick(given, ['description', 'model', 'modelMountPath', 'environmentId', 'instanceType']),
    ...pick(given, ['egressPublicNetworkAccess', 'containerResourceRequirements']),
    ...(given.codeConfiguration && {
      codeConfiguration: {
        ...pick(given.codeConfiguration, ['codeId']),
        scoringScript: given.codeConfiguration.scoringScript,
      },
    }),
    environmentVariables: Object.fromEntries(
      Object.entries(given.environmentVariables ?? {}).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, value]],
      ),
    ),
    properties: mergeProperties(before, given.properties ?? {}),
    appInsightsEnabled: given.appInsightsEnabled ?? false,
    requestSettings: {
      maxConcurrentRequestsPerInstance: requestSettings?.maxConcurrentRequestsPerInstance ?? 1,
      requestTimeout: requestSettings?.requestTimeout ?? 'PT5S',
      maxQueueWait: requestSettings?.maxQueueWait ?? 'PT0.5S',
    },
    livenessProbe: completeProbe(given.livenessProbe),
    readinessProbe: completeProbe(given.readinessProbe),
    // Microsoft's client fails on a managed deployment without it.
    scaleSettings: given.scaleSettings ?? { scaleType: 'Default' },
  };
}

function completeProbe(given: GivenProbe | undefined): DeploymentProperties['livenessProbe'] {
  return {
    failureThreshold: given?.failureThreshold ?? 30,
    successThreshold: given?.successThreshold ?? 1,
    timeout: given?.timeout ?? 'PT2S',
    period: given?.period ?? 'PT10S',
    ...(given?.initialDelay !== undefined && { initialDelay: given.initialDelay }),
  };
}

type Set_<T, K extends keyof T> = { [P in K]?: NonNullable<T[P]> };

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Set_<T, K> {
  const result: Set_<T, K> = {};
  for (const key of keys) {
    const value = from[key];
    if (value !== undefined && value !== null) result[key] = value;
  }
  return result;
}

/** The parts of a generation that are files. */
export interface Assets {
  readonly codeDir: string | null;
  readonly modelDir: string | null;
  /** A script of the host's own in `codeDir` that serves, for a model without code. */
  readonly script: string | null;
  /** Digest of what the files hold. */
  readonly digest: string;
}

/** What instances of a deployment run. @throws {ArmError} 400 for settings that cannot be run. */
export function processSpec(properties: DeploymentProperties, assets: Assets): ProcessSpec {
  const command = commandOf(properties.properties);
  const script = assets.script ?? properties.codeConfiguration?.scoringScript ?? null;
  if (command === null && (script === null || assets.codeDir === null)) {
    throw badArgument(
      'properties.codeConfiguration is missing; this host runs a score.py (codeConfiguration with codeId and ' +
        'scoringScript), an MLflow model without code (a folder with a file MLmodel), or any command given as properties.properties["greenlight.command"].',
      'properties.codeConfiguration',
    );
  }
  const running = {
    scoringScript: script,
    command,
    threads: properties.requestSettings.maxConcurrentRequestsPerInstance,
    workers: workersOf(properties.environmentVariables),
    environment: properties.environmentVariables,
    probePath: probePathOf(properties.properties),
    gracefulSeconds: Math.ceil(durationMs(properties.requestSettings.requestTimeout) / 1000) + 1,
  };
  const digest = createHash('sha256')
    .update(JSON.stringify({ ...running, files: assets.digest }))
    .digest('hex');
  return { digest, codeDir: assets.codeDir, modelDir: assets.modelDir, ...running };
}

/** A command is a JSON list of words: no shell, no quoting. */
function commandOf(properties: Tags): readonly string[] | null {
  const text = properties['greenlight.command'];
  if (text === undefined) return null;
  let words: unknown;
  try {
    words = JSON.parse(text);
  } catch {
    words = undefined;
  }
  const isCommand = (value: unknown): value is string[] =>
    Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string');
  if (!isCommand(words)) {
    throw badArgument(
      `properties.properties["greenlight.command"] is ${text}; expected a JSON list of words, e.g. ["python3", "serve.py", "--port", "{port}"].`,
      'properties.properties',
    );
  }
  return words;
}

function probePathOf(properties: Tags): string {
  const path = properties['greenlight.probePath'] ?? '/';
  if (path.startsWith('/')) return path;
  throw badArgument(
    `properties.properties["greenlight.probePath"] is ${path}; expected a path that begins with /.`,
  );
}

/** Azure's images take the number of worker processes from this variable. */
function workersOf(environment: Readonly<Record<string, string>>): number {
  const text = environment['WORKER_COUNT'] ?? '1';
  const workers = Number(text);
  if (Number.isInteger(workers) && workers >= 1 && workers <= 32) return workers;
  // Not quoted: it may be a secret that was put there by mistake.
  throw badArgument(
    'properties.environmentVariables.WORKER_COUNT is no whole number from 1 to 32.',
    'properties.environmentVariables',
  );
}
