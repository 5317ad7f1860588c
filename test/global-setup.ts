import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import type { TestProject } from 'vitest/node';
import { runningDaemon } from '../embedded/daemons.js';
import { registerSearchAttributes } from '../embedded/search-attributes.js';
import { startTemporal, stopTemporal } from '../embedded/temporal-server.js';
import { ensureTools } from '../embedded/tools.js';
import { bundleWorkflows } from './support/workflow-code.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** host:port of this run's Temporal server; also in the environment, as `GREENLIGHT_TEST_TEMPORAL`. */
    temporalAddress: string;
    /** Base address of its UI. */
    temporalUi: string;
    /** Path of Envoy; also `GREENLIGHT_ENVOY`. */
    envoy: string;
    /** Path of a Python that has the model server and scikit-learn; also `GREENLIGHT_MODEL_SERVER_PYTHON`. */
    modelServerPython: string;
    /** Path of the bundled workflows, for a worker's `workflowBundle: { codePath }`. */
    workflowCode: string;
  }
}

/** The tools, and one Temporal server and one bundle of the workflows for the whole run, in a folder that goes with it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { temporal, envoy, python } = await ensureTools();
  const state = await mkdtemp(join(tmpdir(), 'greenlight-test-'));
  await forgetConfiguredTemporal(state);
  const server = await startTemporal(state, temporal);
  const pid = (await runningDaemon(state, 'temporal'))?.pid;
  const endAtOnce = () => {
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    rmSync(state, { recursive: true, force: true });
  };
  // For a run that is ended from outside: the server is not in its process group.
  const leave = () => process.exit(143);
  process.once('exit', endAtOnce);
  process.once('SIGTERM', leave);
  process.once('SIGHUP', leave);

  const workflowCode = join(state, 'workflows.js');
  const bundle = async () => writeFile(workflowCode, (await bundleWorkflows()).code);
  await bundle();
  project.onTestsRerun(bundle);

  const connection = await Connection.connect({ address: server.address });
  await registerSearchAttributes(connection, server.namespace);
  await connection.close();

  project.provide('temporalAddress', server.address);
  project.provide('temporalUi', server.uiUrl);
  project.provide('envoy', envoy);
  project.provide('modelServerPython', python);
  project.provide('workflowCode', workflowCode);
  process.env['GREENLIGHT_TEST_TEMPORAL'] = server.address;
  process.env['GREENLIGHT_ENVOY'] = envoy;
  process.env['GREENLIGHT_MODEL_SERVER_PYTHON'] = python;

  return async () => {
    await stopTemporal(state);
    process.removeListener('exit', endAtOnce);
    process.removeListener('SIGTERM', leave);
    process.removeListener('SIGHUP', leave);
    await rm(state, { recursive: true, force: true });
  };
}

/** Tests must never reach a server that the person at this machine works with, by environment or by profile file. */
async function forgetConfiguredTemporal(state: string): Promise<void> {
  for (const name of Object.keys(process.env)) if (name.startsWith('TEMPORAL_')) delete process.env[name];
  const empty = join(state, 'temporal.toml');
  await writeFile(empty, '[profile.default]\n');
  process.env['TEMPORAL_CONFIG_FILE'] = empty;
}
