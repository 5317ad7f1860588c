#!/usr/bin/env node
import { withoutReader } from './no-reader.js';
import { runCli } from './run.js';
import { stopOf } from './stop.js';
import { terminalOf } from './terminal.js';

const noReader = withoutReader(process.stdout, (code) => process.exit(code));
// What is told beside the result, to nobody or onto a full disk, is no reason to stop in the middle of the work.
process.stderr.on('error', () => undefined);

// No `await` at the top: bundled, this file shares one with parts that commands import, and they would wait for it.
void runCli(process.argv.slice(2), {
  env: process.env,
  terminal: terminalOf(process),
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  stop: stopOf(process, () => noReader.waits()),
}).then((code) => {
  process.exitCode = code;
});
