import { createHash } from 'node:crypto';
import type { Plan } from '../core/plan.js';

/**
 * Fingerprint of a plan and the contents of the files that it names: equal plans have equal digests, however the
 * spec was written and wherever its folder lies.
 *
 * @param root - the spec's folder: paths count relative to it.
 * @returns SHA-256, hex.
 */
export function planDigest(plan: Omit<Plan, 'digest'>, root: string): string {
  const portable = JSON.stringify(plan, (_key, value: unknown) => {
    if (typeof value === 'string' && value.startsWith(root)) return value.slice(root.length);
    return isPlainObject(value) ? Object.fromEntries(Object.entries(value).sort(byKey)) : value;
  });
  return createHash('sha256').update(portable).digest('hex');
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
