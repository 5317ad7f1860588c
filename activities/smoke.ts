import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import type { Secrets, TargetPorts } from '../adapters/ports.js';
import type { SmokeInput, SmokeResult } from '../core/activities.js';
import { FailureType } from '../core/failures.js';
import { oneLine } from '../core/one-line.js';
import { withoutSecrets } from '../core/secrets.js';
import { beating, beats } from './poll.js';

/** As much of a wrong answer as a message should carry. */
const BODY_SHOWN = 300;

/**
 * Sends requests to one deployment alone, one after the other. Every one must be answered with success.
 *
 * @throws ApplicationFailure that quotes no secret of the deployment.
 */
export async function smoke(ports: TargetPorts, secrets: Secrets, input: SmokeInput): Promise<SmokeResult> {
  const signal = cancellationSignal();
  const beat = beats();
  const times: number[] = [];
  for (let i = 0; i < input.count; i++) {
    beat();
    // A model may take longer for an answer than a worker may be silent.
    const answer = await beating(() =>
      ports.endpoints.invoke(input.endpoint, input.deployment, input.body, { signal }),
    );
    if (answer.status < 200 || answer.status > 299) {
      throw ApplicationFailure.nonRetryable(
        `Smoke test of ${input.deployment}: request ${i + 1} of ${input.count} was answered ${answer.status} instead of 200: ${await quoted(answer.body, secrets, input)}`,
        FailureType.SmokeFailed,
      );
    }
    times.push(answer.durationMs);
  }
  times.sort((a, b) => a - b);
  return {
    requests: times.length,
    medianMs: times[Math.floor(times.length / 2)] ?? 0,
    slowestMs: times.at(-1) ?? 0,
  };
}

/** The beginning of an answer, which may tell what its server was given. Half a secret would not be found: it is cut last. */
async function quoted(body: string, secrets: Secrets, input: SmokeInput): Promise<string> {
  const { environmentVariables = {} } = input;
  const shown = await withoutSecrets(body, { environmentVariables }, secrets);
  return oneLine(shown).slice(0, BODY_SHOWN);
}
