import { targetName, type Target } from './plan.js';

/** Where commands look for an endpoint that are given no target: the endpoint host's default workspace. */
export const DEFAULT_TARGET = 'host/local';

/** An endpoint and where it lives, as a target or as `targetName` writes it. */
export interface Located {
  readonly target: Target | string;
  readonly endpoint: string;
}

/** Other characters may mean something to a shell; a resource group may have brackets. */
const PLAIN = /^[\w./:@-]*$/;

/**
 * What a command has to be given so that it acts on this endpoint, for every command that people are told to run:
 * `diabetes`, or `diabetes --target kubernetes/shop`.
 */
export function endpointArgument({ target, endpoint }: Located): string {
  const name = typeof target === 'string' ? target : targetName(target);
  if (name === DEFAULT_TARGET) return endpoint;
  return `${endpoint} --target ${PLAIN.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`}`;
}
