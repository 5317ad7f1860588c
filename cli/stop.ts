import type { EventEmitter } from 'node:events';

/** Ctrl-C, and how pipelines and clusters end a job. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * From the first call on, a signal of the system aborts ours, and does not end the program. A second one does, whatever
 * that is at.
 *
 * All calls give the same: a command that waits for one thing after the other must not miss what came in between.
 *
 * @param waits - told that the command waits from now on.
 */
export function stopOf(process: EventEmitter, waits: () => void): () => AbortSignal {
  let stop: AbortSignal | undefined;
  return () => (stop ??= listen(process, waits));
}

function listen(process: EventEmitter, waits: () => void): AbortSignal {
  waits();
  const stop = new AbortController();
  const heard = (): void => {
    stop.abort();
    // Only then: who listens beside (ink, locks) ends the program where nobody else does.
    queueMicrotask(() => {
      for (const signal of SIGNALS) process.off(signal, heard);
    });
  };
  for (const signal of SIGNALS) process.on(signal, heard);
  return stop.signal;
}
