#!/usr/bin/env node
import { pino } from 'pino';
import { startHost } from './host.js';
import { logLines } from './log-lines.js';
import { parseOptions, USAGE, UsageError, type ServeOptions } from './options.js';
import { stopAll } from './stop.js';
import { StateHeld } from './state/lock.js';
import { messageOf } from './wait.js';

/** Exit codes: 1 something went wrong, 2 wrong command line, 3 another host holds the state folder. */
async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  switch (options.command) {
    case 'help':
      process.stdout.write(USAGE);
      return;
    case 'stop': {
      const ended = await stopAll(options.state);
      process.stdout.write(`${ended} processes of ${options.state} ended\n`);
      return;
    }
    case 'serve':
      await serve(options);
  }
}

async function serve(options: ServeOptions): Promise<void> {
  // Keys and tokens are never logged as fields; the log goes to stderr, where its reader wants it.
  const log = pino({ level: options.logLevel, base: null }, logLines(2));
  const host = await startHost(options, log);
  let closing = false;
  const close = (): void => {
    if (closing) return;
    closing = true;
    host.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'Stopping went wrong');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', close);
  process.on('SIGINT', close);
}

main().catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  if (error instanceof UsageError) process.stderr.write(`\n${USAGE}`);
  process.exit(error instanceof UsageError ? 2 : error instanceof StateHeld ? 3 : 1);
});
