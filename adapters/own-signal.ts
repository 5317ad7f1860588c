/**
 * Runs work with a signal of its own, which is aborted with `signal`, for its reason. What the work hangs on it goes with
 * it, where `signal` would keep it for as long as itself lives.
 *
 * @param options - with `withinMs`, aborted after so long, too, with a `TimeoutError`. By a timer that holds it: where nothing
 *   else does, Node forgets an `AbortSignal.any` of an `AbortSignal.timeout`, and it never fires.
 */
export async function withOwnSignal<T>(
  { signal, withinMs }: { readonly signal: AbortSignal | undefined; readonly withinMs?: number },
  work: (own: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const abort = (): void => own.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const late = (): void => own.abort(new DOMException('It did not answer in time', 'TimeoutError'));
  const timer = withinMs === undefined ? undefined : setTimeout(late, withinMs);
  try {
    return await work(own.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
