import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CommanderError, type Command } from 'commander';
import { stateDir } from '../embedded/state-dir.js';
import type { Context, Terminal } from './context.js';
import { exitCodeOf, explainError } from './errors.js';
import { EXIT_CODES, type Exit } from './exit-codes.js';
import { createOutput, type Streams } from './output.js';
import { createProgram, type Options } from './program.js';
import { parseTarget } from '../client/target.js';
import { DEFAULT_TARGET } from '../core/command-text.js';

/** What a run of the command line sees of the world. */
export interface World extends Streams {
  readonly env: NodeJS.ProcessEnv;
  /** See {@link Context.stop}. */
  readonly stop: () => AbortSignal;
  /** Left out: nobody sits at one. */
  readonly terminal?: Terminal | null;
}

/**
 * Runs one command line to its end.
 *
 * @returns the exit code. Never throws: whatever goes wrong is told on stderr.
 */
export async function runCli(args: readonly string[], world: World): Promise<number> {
  let exit: Exit = 'ok';
  const program = createProgram(await version(), async (call) => {
    const ctx = contextOf(call.options, world);
    const command = await call.load();
    exit = await command(ctx, call.args, call.options);
  });
  for (const command of [program, ...program.commands, ...program.commands.flatMap((c) => c.commands)]) {
    command.exitOverride().configureOutput({
      writeOut: world.stdout,
      writeErr: world.stderr,
      // As all our messages begin; commander's own prefix says nothing more.
      outputError: (text, write) => write(`greenlight: ${text.replace(/^error: /, '')}`),
    });
    command.showHelpAfterError(`Run \`${pathOf(command)} --help\` to see what it takes.`);
  }
  try {
    await program.parseAsync(helpOfKnown(program, args), { from: 'user' });
    return exitCodeOf(exit);
  } catch (error) {
    // commander has said what is wrong; asked for help, it has given that.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage.code;
    const explained = explainError(error, Boolean(world.env['GREENLIGHT_DEBUG']));
    world.stderr(`greenlight: ${explained.text}\n`);
    return exitCodeOf(explained.exit);
  }
}

/** Asked for help with a command that there is not, commander shows the whole help and says nothing of it. */
function helpOfKnown(program: Command, args: readonly string[]): string[] {
  const [first, name, ...rest] = args;
  const unknown =
    first === 'help' &&
    name !== undefined &&
    !name.startsWith('-') &&
    name !== 'help' &&
    !program.commands.some((command) => command.name() === name);
  return unknown ? [name, ...rest] : [...args];
}

/** `greenlight endpoint create`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function contextOf(options: Options, world: World): Context {
  const { output, state, ...given } = options as { output: string; state?: string; target?: string };
  // Set and empty, a variable says nothing.
  const variable = world.env['GREENLIGHT_TARGET'] || undefined;
  const targetFrom =
    given.target !== undefined ? '--target' : variable !== undefined ? 'GREENLIGHT_TARGET' : null;
  return {
    env: world.env,
    stateDir: state === undefined ? stateDir(world.env) : resolve(state),
    target: parseTarget(given.target ?? variable ?? DEFAULT_TARGET, targetFrom ?? undefined),
    targetFrom,
    out: createOutput(output === 'json', world),
    terminal: world.terminal ?? null,
    stop: world.stop,
  };
}

async function version(): Promise<string> {
  // Beside this folder in the sources, one up from it in dist/.
  for (const place of ['../package.json', '../../package.json']) {
    const text = await readFile(new URL(place, import.meta.url), 'utf8').catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { readonly version: string }).version;
  }
  return 'unknown';
}
