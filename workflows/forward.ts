import { interruptible } from './interruptible.js';
import type { Run } from './run.js';
import { Stop } from './stop.js';
import { stopped, throwIfStopped } from './watching.js';

/**
 * Work that a person can stop. What it began is waited for, since only what has ended can be taken back.
 *
 * @throws {Stop} when a person has aborted or rejected; whatever the work throws.
 */
export async function forward<T>(run: Run, work: () => Promise<T>): Promise<T> {
  const ended = await interruptible(
    work,
    () => stopped(run),
    () => true,
  );
  throwIfStopped(run);
  if (ended.how === 'failed') throw ended.error;
  if (ended.how === 'interrupted') throw new Stop('aborted', 'interrupted');
  return ended.value;
}
