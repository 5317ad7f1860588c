import type { Answer } from '../../demo/load.js';

/** A good answer of blue, but for what a test changes. */
export function answer(changes: Partial<Answer>): Answer {
  return { atMs: 1_000, latencyMs: 5, status: 200, deployment: 'blue', version: 'v1', ...changes };
}
