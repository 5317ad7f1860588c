import type { EventEmitter } from 'node:events';
import { EXIT_CODES } from './exit-codes.js';

/**
 * The reader of a pipe may go (`greenlight list | head -1`): that is no fault. A command that ends by itself goes on, unread,
 * and its exit code is its own; one that waits is ended, as by Ctrl-C, since how it would have ended is not known.
 *
 * @returns told when a command begins to wait.
 */
export function withoutReader(stdout: EventEmitter, exit: (code: number) => void): { waits(): void } {
  let waiting = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (waiting) exit(EXIT_CODES.interrupted.code);
  });
  return {
    waits() {
      waiting = true;
    },
  };
}
