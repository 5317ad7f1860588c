import { rm } from 'node:fs/promises';
import { serviceName } from '../gateway/names.js';
import type { HostContext } from '../context.js';
import { durationMs } from '../serving/duration.js';
import { withoutValues } from '../serving/logs.js';
import { settingsOf } from '../serving/settings.js';
import type { DeploymentRecord, OperationRecord } from '../state/model.js';
import { endpointKey } from '../state/store.js';
import { sleep, until } from '../wait.js';

/** An operation that ended in a way that the caller has to hear of. */
export class OperationFailed extends Error {
  override readonly name = 'OperationFailed';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Does what an operation stands for, from wherever it was left. */
export function workOf(operation: OperationRecord, context: HostContext): Promise<void> {
  switch (operation.kind) {
    case 'endpoint-put':
    case 'endpoint-patch':
    case 'endpoint-keys':
      return applyEndpoint(operation, context);
    case 'endpoint-delete':
      return deleteEndpoint(operation, context);
    case 'deployment-put':
    case 'deployment-patch':
      return bringUp(operation, context);
    case 'deployment-delete':
      return deleteDeployment(operation, context);
  }
}

async function applyEndpoint(operation: OperationRecord, context: HostContext): Promise<void> {
  await context.gateway.sync();
  const endpoint = context.store.endpoint(operation.workspace, operation.endpoint);
  if (!endpoint) return;
  endpoint.state = 'Succeeded';
  delete endpoint.error;
}

async function bringUp(operation: OperationRecord, context: HostContext): Promise<void> {
  const { workspace, endpoint, deployment: name = '' } = operation;
  const deployment = context.store.deployment(workspace, endpoint, name);
  if (!deployment) return;
  await waitUntilReady(operation, deployment, context);
  const before = deployment.serving;
  deployment.serving = deployment.generation;
  try {
    await context.gateway.sync();
  } catch (error) {
    // Or the gateway would get, at its next turn, what the caller is told has failed.
    deployment.serving = before;
    throw error;
  }
  deployment.state = 'Succeeded';
  delete deployment.error;
  await removeOldGenerations(operation, deployment, context);
}

async function waitUntilReady(
  operation: OperationRecord,
  deployment: DeploymentRecord,
  context: HostContext,
): Promise<void> {
  const runner = context.supervisor.runner(operation.workspace, operation.endpoint, deployment.name);
  for (;;) {
    const verdict = runner.verdict();
    if (verdict.is === 'ready') return;
    if (verdict.is === 'failed') {
      const { environmentVariables } = deployment.properties;
      const log = withoutValues(await runner.failureLog(), environmentVariables);
      throw new OperationFailed(
        'ResourceNotReady',
        `Deployment ${deployment.name} did not get ready: ${verdict.reason}. End of its log:\n${log || '(empty)'}`,
      );
    }
    await sleep(50);
  }
}

/** Snapshots that no instance runs any more. */
async function removeOldGenerations(
  operation: OperationRecord,
  deployment: DeploymentRecord,
  context: HostContext,
): Promise<void> {
  const inUse = new Set(Object.values(deployment.instances).map((instance) => instance.generation));
  for (const generation of Object.keys(deployment.specs).map(Number)) {
    if (generation === deployment.generation || generation === deployment.serving || inUse.has(generation))
      continue;
    delete deployment.specs[generation];
    const { workspace, endpoint } = operation;
    await rm(context.paths.generation(workspace, endpoint, deployment.name, generation), {
      recursive: true,
      force: true,
    });
  }
}

async function deleteDeployment(operation: OperationRecord, context: HostContext): Promise<void> {
  const { workspace, endpoint, deployment: name = '' } = operation;
  const deployment = context.store.deployment(workspace, endpoint, name);
  if (deployment) {
    await context.gateway.sync(); // its state is Deleting: no route leads to it any more
    await quiet(workspace, endpoint, deployment, context);
    await context.supervisor.retire(workspace, endpoint, name);
    delete context.store.endpoint(workspace, endpoint)?.deployments[name];
    await context.store.save();
  }
  await rm(context.paths.deployment(workspace, endpoint, name), { recursive: true, force: true });
  await context.gateway.sync();
}

/** Waits until no request is in a deployment, but no longer than its requests may take. */
async function quiet(
  workspace: string,
  endpoint: string,
  deployment: DeploymentRecord,
  context: HostContext,
): Promise<void> {
  const { requestSettings } = settingsOf(deployment, deployment.serving ?? deployment.generation);
  const prefix = `${serviceName(workspace, endpoint, deployment.name)}~`;
  await until(async () => (await context.admin.activeRequests(prefix).catch(() => 1)) === 0, {
    timeoutMs: durationMs(requestSettings.requestTimeout) + 2_000,
  });
}

async function deleteEndpoint(operation: OperationRecord, context: HostContext): Promise<void> {
  const { workspace, endpoint: name } = operation;
  const endpoint = context.store.endpoint(workspace, name);
  if (endpoint) {
    await context.gateway.sync();
    await Promise.all(
      Object.values(endpoint.deployments).map(async (deployment) => {
        await quiet(workspace, name, deployment, context);
        await context.supervisor.retire(workspace, name, deployment.name);
      }),
    );
    delete context.store.state.endpoints[endpointKey(workspace, name)];
    await context.store.save();
  }
  await rm(context.paths.endpoint(workspace, name), { recursive: true, force: true });
  await context.gateway.sync();
}
