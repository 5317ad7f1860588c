import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { fileCredential } from '../../../adapters/azureml/credential.js';
import type { AzureMlSettings } from '../../../adapters/azureml/endpoints.js';
import type { DeploymentSpec } from '../../../core/deployment.js';
import { sampleDeployment } from './samples.js';

/** What the host tells of itself in host.json. */
interface HostFile {
  readonly url: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly gatewayUrl: string;
  readonly envoyAdminUrl: string;
  readonly clusterPattern: string;
}

export interface HostProcess {
  /** A state folder as the command line knows it, with the host in it. */
  readonly folder: string;
  readonly file: HostFile;
  readonly settings: AzureMlSettings;
  /** A small model that echoes, and fails on request. */
  deployment(name: string): DeploymentSpec;
  stop(): Promise<void>;
}

const MAIN = 'dist/host/main.js';

const SCORE = `
import json

def init():
    print("model loaded")

def run(data):
    wanted = json.loads(data)
    if wanted.get("fail"):
        raise ValueError("asked to fail")
    return wanted
`;

/** Starts the real endpoint host, with real model servers and Envoy, in a folder that goes with it. */
export async function startHost(): Promise<HostProcess> {
  const state = await mkdtemp(join(tmpdir(), 'greenlight-host-'));
  const code = join(state, 'code');
  await mkdir(code);
  await writeFile(join(code, 'score.py'), SCORE);
  const options = ['--envoy', tool('GREENLIGHT_ENVOY'), '--python', tool('GREENLIGHT_MODEL_SERVER_PYTHON')];
  const child = spawn(
    process.execPath,
    [MAIN, '--state', join(state, 'host'), '--log-level', 'warn', ...options],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const stop = async (): Promise<void> => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    spawnSync(process.execPath, [MAIN, 'stop', '--state', join(state, 'host')]);
    await ended;
    await rm(state, { recursive: true, force: true });
  };
  try {
    const file = await vi.waitFor(
      async () => {
        if (child.exitCode !== null) throw new Error(`the host ended with code ${child.exitCode}`);
        return JSON.parse(await readFile(join(state, 'host', 'host.json'), 'utf8')) as HostFile;
      },
      { timeout: 30_000, interval: 100 },
    );
    const settings = {
      baseUrl: file.url,
      subscription: '00000000-0000-0000-0000-000000000000',
      resourceGroup: 'local',
      workspace: 'local',
      credential: fileCredential(file.tokenFile),
      ca: await readFile(file.caFile, 'utf8'),
    };
    return { folder: state, file, settings, deployment: (name) => echo(name, code), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

function echo(name: string, code: string): DeploymentSpec {
  const { model: _model, ...spec } = sampleDeployment(name, {
    instanceCount: 1,
    code: { source: { kind: 'path', path: code }, scoringScript: 'score.py' },
  });
  return spec;
}

function tool(variable: string): string {
  const path = process.env[variable];
  if (path) return path;
  throw new Error(`${variable} is not set; it must name an executable`);
}
