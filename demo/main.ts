import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { stopStack } from '../embedded/stack.js';
import { DemoProblem } from './problem.js';
import { runDemo } from './run.js';
import { DEPLOYMENT } from './set-up.js';
import { summaryLines } from './summary.js';
import { Teller } from './teller.js';

const USAGE = `usage: npm run demo -- [--keep] [--output json]

Rolls out two versions of a model on an endpoint of this machine, while clients send real rows: v2 is promoted, v3 is
rolled back by a gate. Ends with 0 only if all of that is what happened.

  --keep          leave everything running, to look around
  --output json   the result as JSON on stdout; the story goes to stderr
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      keep: { type: 'boolean', default: false },
      output: { type: 'string', default: 'text' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (values.output !== 'text' && values.output !== 'json') {
    throw new DemoProblem(`--output is "${values.output}"; expected text or json.\n\n${USAGE}`);
  }
  const json = values.output === 'json';
  const tell = new Teller(json ? process.stderr : process.stdout);
  const state = await mkdtemp(join(tmpdir(), 'greenlight-demo-'));
  const stop = stopOnSignal(tell);
  let ok = false;
  try {
    const startedAt = performance.now();
    const summary = await runDemo(state, tell, stop, () => (performance.now() - startedAt) / 1000);
    ok = summary.ok;
    tell.chapter('What clients saw');
    for (const line of summaryLines(summary, DEPLOYMENT)) tell.plain(line);
    tell.plain('');
    if (ok) tell.good('As promised: v2 was promoted without a failed request, v3 was rolled back by a gate.');
    for (const difference of summary.differences) tell.bad(`DIFFERENT: ${difference}`);
    if (json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
    return ok ? 0 : 1;
  } finally {
    if (values.keep && !stop.aborted) sayHowToGoOn(state, tell);
    else await takeDown(state, ok, tell);
  }
}

function sayHowToGoOn(state: string, tell: Teller): void {
  const command = (words: string) => `  $ node dist/cli/main.js ${words} --state ${state}`;
  tell.chapter('Everything runs on');
  for (const words of [
    'endpoint show diabetes',
    'list --all',
    'status diabetes',
    'logs diabetes --deployment green',
  ]) {
    tell.plain(command(words));
  }
  tell.plain('and to stop it:');
  tell.plain(command('down'));
}

/** The folder stays only for whoever has to find out what went wrong. */
async function takeDown(state: string, ok: boolean, tell: Teller): Promise<void> {
  await stopStack({ state });
  if (ok) await rm(state, { recursive: true, force: true });
  else tell.plain(`logs and state of this run: ${state}`);
}

/** Ctrl-C once: everything is taken down in order. */
function stopOnSignal(tell: Teller): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Once: a second one ends the demo as it is.
    process.once(name, () => {
      tell.bad(`\n${name}: stopping everything that the demo started`);
      stop.abort(new DemoProblem(`The demo was ended by ${name}.`));
    });
  }
  return stop.signal;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const known = error instanceof Error && ['DemoProblem', 'EmbeddedError'].includes(error.name);
    const wrongWords =
      error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
    const text = known || wrongWords ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`greenlight demo: ${text}\n`);
    process.exitCode = wrongWords ? 2 : 1;
  },
);
