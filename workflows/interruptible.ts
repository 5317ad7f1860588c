import { CancellationScope, condition } from '@temporalio/workflow';

/** How some work ended: by itself, or because something else became true first. */
export type Ended<T> =
  | { readonly how: 'done'; readonly value: T }
  | { readonly how: 'failed'; readonly error: unknown }
  | { readonly how: 'interrupted' };

/**
 * Runs `work` until it ends or `interrupt` is true; then it is cancelled.
 *
 * @param wait - whether to wait for the cancelled work to end. A write must have ended before it is taken back; a
 *   rollback need not wait for a look.
 */
export async function interruptible<T>(
  work: () => Promise<T>,
  interrupt: () => boolean,
  wait: () => boolean,
): Promise<Ended<T>> {
  const scope = new CancellationScope();
  let ended: Ended<T> | undefined;
  const running = scope.run(work).then(
    (value) => {
      ended = { how: 'done', value };
    },
    (error: unknown) => {
      ended = { how: 'failed', error };
    },
  );
  try {
    await condition(() => ended !== undefined || interrupt());
  } catch (err) {
    // The workflow itself was cancelled, and with it the scope: a write under way must have ended all the same.
    if (wait()) await running;
    throw err;
  }
  if (ended !== undefined) return ended;
  scope.cancel();
  if (wait()) await running;
  const late = ended as Ended<T> | undefined; // set by the callbacks above, which the compiler cannot see
  return late?.how === 'done' ? late : { how: 'interrupted' };
}
