import { createHash } from 'node:crypto';

import type { DeploymentSpec } from '../core/deployment.js';
import { DIGEST_TAG, ROLLOUT_TAG } from '../core/endpoint.js';

/** Fingerprint of a deployment file's content, short enough for a tag. */
export function deploymentDigest(deployment: DeploymentSpec): string {
  return createHash('sha256').update(JSON.stringify(deployment)).digest('hex').slice(0, 32);
}

/** Says whose a deployment is, so that a repeated attempt knows its own, and people know where it came from. */
export function rolloutTags(deployment: DeploymentSpec, rolloutId: string): Readonly<Record<string, string>> {
  return { [ROLLOUT_TAG]: rolloutId, [DIGEST_TAG]: deploymentDigest(deployment) };
}
