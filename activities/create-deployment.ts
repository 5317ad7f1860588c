import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { Secrets, TargetPorts } from '../adapters/ports.js';
import type { CreateDeploymentInput } from '../core/activities.js';
import { endpointArgument } from '../core/command-text.js';
import { isMadeBy, isReady, type DeploymentState } from '../core/endpoint.js';
import { FailureType } from '../core/failures.js';
import { PortError } from '../core/port-error.js';
import { withSecrets } from '../core/secrets.js';
import { durationText } from '../core/units.js';
import { whileAwake } from './awake.js';
import { poll } from './poll.js';
import { quotingNoSecret } from './quoting-no-secret.js';
import { rolloutTags } from './tags.js';

/**
 * Creates a deployment where it is missing, and waits until it is ready.
 *
 * Safe to repeat: an attempt that finds it there (its own of before a crash, or an adopted one) only waits. One that stood still
 * makes nothing any more: a rollback may have deleted it. What somebody else made since preflight is another model: it is not
 * touched. A target that answers "busy" is asked again, for as long as it may take to be ready.
 *
 * @throws ApplicationFailure that quotes no secret of the deployment.
 */
export async function createDeployment(
  ports: TargetPorts,
  secrets: Secrets,
  input: CreateDeploymentInput,
): Promise<void> {
  try {
    await whileAwake((confirm) => create(ports, secrets, input, confirm));
  } catch (err) {
    throw await quotingNoSecret(err, secrets, input.deployment);
  }
}

async function create(
  ports: TargetPorts,
  secrets: Secrets,
  input: CreateDeploymentInput,
  confirm: () => void,
): Promise<void> {
  const { endpoints } = ports;
  const { name } = input.deployment;
  const signal = cancellationSignal();
  const startedMs = Date.now();
  let asked = false;
  let why: string | undefined;

  const ready = await poll(async () => {
    const state = await endpoints.readDeployment(input.endpoint, name, { signal });
    if (state === undefined) {
      if (asked) return undefined; // accepted, and not listed yet
      await endpoints.createDeployment(
        input.endpoint,
        await withSecrets(input.deployment, secrets),
        rolloutTags(input.deployment, input.rolloutId),
        { signal, confirm },
      );
      asked = true;
      return undefined;
    }
    if (input.adopted === false && !isMadeBy(state, input.rolloutId)) throw taken(input);
    if (state.state === 'failed') throw failed(input, state);
    why = state.error;
    return isReady(state) ? state : undefined;
  }, input.readyWithinMs).catch((err: unknown) => {
    // Busy, or away, when its time is over: another attempt would have all of it again.
    if (!(err instanceof PortError) || err.kind === 'permanent') throw err;
    why = err.message;
    return undefined;
  });
  if (ready !== undefined) return;

  throw ApplicationFailure.nonRetryable(
    `Deployment ${name} of ${input.endpoint} was not ready within ${durationText(Date.now() - startedMs)}${why === undefined ? '' : ` (${why})`}; see \`greenlight logs ${endpointArgument(input)} --deployment ${name}\``,
    FailureType.DeploymentFailed,
  );
}

function taken({ endpoint, deployment: { name } }: CreateDeploymentInput): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `Deployment ${name} of ${endpoint} was made by somebody else after preflight had found its name free; it is left alone. Give the new version another name, or delete theirs`,
    FailureType.DeploymentFailed,
  );
}

function failed(input: CreateDeploymentInput, state: DeploymentState): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `Deployment ${state.name} of ${input.endpoint} failed to start: ${state.error ?? 'the target gives no reason'}`,
    FailureType.DeploymentFailed,
  );
}
