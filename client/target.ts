import { DEFAULT_TARGET } from '../core/command-text.js';
import type { Target } from '../core/plan.js';
import { GreenlightError } from './errors.js';

/** A namespace's name; a context's may hold nearly anything, but no slash here: it parts the two. */
const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Reads a target as `targetName` writes it: `host/WORKSPACE`, `azureml/SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE`,
 * `kubernetes/NAMESPACE` or `kubernetes/CONTEXT/NAMESPACE`.
 *
 * @param from - who says so, for the message: `--target`, or a variable.
 * @throws {GreenlightError} usage.
 */
export function parseTarget(text: string, from?: string): Target {
  const [kind, ...parts] = text.split('/');
  const [first, second, third] = parts;
  if (parts.every((part) => part !== '')) {
    if (kind === 'host' && parts.length <= 1) return { kind, workspace: first ?? 'local' };
    if (kind === 'azureml' && parts.length === 3) {
      return { kind, subscription: first ?? '', resourceGroup: second ?? '', workspace: third ?? '' };
    }
    const namespace = parts.at(-1) ?? '';
    if (kind === 'kubernetes' && (parts.length === 1 || parts.length === 2) && NAMESPACE.test(namespace)) {
      return { kind, namespace, ...(parts.length === 2 ? { context: first ?? '' } : {}) };
    }
  }
  throw new GreenlightError(
    'usage',
    `${from === undefined ? '' : `${from}: `}"${text}" is no target; expected host/WORKSPACE (default ${DEFAULT_TARGET}), ` +
      'azureml/SUBSCRIPTION/RESOURCE-GROUP/WORKSPACE, kubernetes/NAMESPACE, or kubernetes/CONTEXT/NAMESPACE',
  );
}
