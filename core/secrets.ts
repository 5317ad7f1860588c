import type { DeploymentSpec } from './deployment.js';

/** A secret by its name; what it is, only the worker that creates the deployment knows. */
const REFERENCE = /^\$\{secret:([A-Za-z0-9][A-Za-z0-9._-]{0,63})\}$/;

/** The secret that a value names; undefined where it is a value by itself. */
export function secretName(value: string): string | undefined {
  return REFERENCE.exec(value)?.[1];
}

/** Meant as a reference and is none: a part of a longer text, or a name that cannot be. */
export function isBrokenReference(value: string): boolean {
  return value.includes('${secret:') && secretName(value) === undefined;
}

/** Names of all secrets that a deployment asks for, once each. */
export function secretNames(deployment: Pick<DeploymentSpec, 'environmentVariables'>): readonly string[] {
  const named = Object.values(deployment.environmentVariables).map(secretName);
  return [...new Set(named.filter((name) => name !== undefined))];
}

/** The deployment with the secrets themselves in it: for the one call that creates it, and for nothing that is kept. */
export async function withSecrets(
  deployment: DeploymentSpec,
  secret: (name: string) => Promise<string>,
): Promise<DeploymentSpec> {
  if (secretNames(deployment).length === 0) return deployment;
  const resolved = await Promise.all(
    Object.entries(deployment.environmentVariables).map(async ([key, value]) => {
      const name = secretName(value);
      return [key, name === undefined ? value : await secret(name)] as const;
    }),
  );
  return { ...deployment, environmentVariables: Object.fromEntries(resolved) };
}
