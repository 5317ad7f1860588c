import { targetName, type Target } from '../core/plan.js';
import { CliError } from './errors.js';

/** The endpoint host's default workspace. */
export const DEFAULT_TARGET = 'host/local';

/**
 * Reads a target as `targetName` writes it: `host/WORKSPACE`, or `azureml/SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE`.
 *
 * @throws {CliError} usage.
 */
export function parseTarget(text: string): Target {
  const [kind, ...parts] = text.split('/');
  const [first, second, third] = parts;
  if (parts.every((part) => part !== '')) {
    if (kind === 'host' && parts.length <= 1) return { kind, workspace: first ?? 'local' };
    if (kind === 'azureml' && parts.length === 3) {
      return { kind, subscription: first ?? '', resourceGroup: second ?? '', workspace: third ?? '' };
    }
  }
  throw new CliError(
    'usage',
    `"${text}" is no target; expected host/WORKSPACE (default ${DEFAULT_TARGET}), ` +
      'or azureml/SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE',
  );
}

export { targetName };
