import { writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

/** So much of what could not be written is kept. */
const KEPT_BYTES = 1024 * 1024;

/**
 * Where log lines go: straight to an open file. On a full disk, or without a reader, the first megabyte of them waits for
 * the next line that can be written. pino's own destination throws in the middle of whatever wants to log then, and waits
 * for ever at the end.
 */
export function logLines(fd: number): DestinationStream {
  let kept = Buffer.alloc(0);
  return {
    write(line) {
      const next = Buffer.from(line);
      if (kept.length + next.length <= KEPT_BYTES) kept = Buffer.concat([kept, next]);
      try {
        while (kept.length > 0) kept = kept.subarray(writeSync(fd, kept));
      } catch {
        // A log that cannot be written is no fault of the work that it tells of.
      }
    },
  };
}
