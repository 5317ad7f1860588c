import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** How to run, for `--help` and wrong calls. */
export const USAGE = `The endpoint host: Azure ML online endpoints on this machine.

  node dist/host/main.js --state DIR --envoy PATH --python PATH [options]
      Serves until SIGTERM or SIGINT; model servers and Envoy go on without it.
  node dist/host/main.js stop --state DIR
      Ends the host, Envoy and all model servers of that folder, and waits until they are gone.

  --state DIR          where all state lies; made if it is not there
  --envoy PATH         Envoy's executable
  --python PATH        bin/python of an environment that has azureml-inference-server-http and gunicorn
  --workspace NAME     a workspace to answer for (default local); may be given several times
  --port N             port of the ARM calls (default 0: chosen once, and kept where it is free)
  --gateway-port N     port of the scoring calls (default 0: chosen once, and kept)
  --faults             allow faults on request (latency, errors, slow starts, crashes), for rehearsals and tests
  --log-level LEVEL    trace, debug, info (default), warn, error or silent
`;

/** A command line that cannot be run. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ServeOptions {
  readonly command: 'serve';
  readonly state: string;
  readonly envoy: string;
  readonly python: string;
  /** Lower case. */
  readonly workspaces: readonly string[];
  readonly port: number;
  readonly gatewayPort: number;
  /** Whether faults may be asked for. */
  readonly faults: boolean;
  readonly logLevel: string;
}

export type Options =
  ServeOptions | { readonly command: 'stop'; readonly state: string } | { readonly command: 'help' };

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];
const WORKSPACE = /^[a-zA-Z0-9][a-zA-Z0-9_-]{1,32}$/;

/** @throws {UsageError} */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  if (values.help === true) return { command: 'help' };
  const [command, ...surplus] = positionals;
  if (surplus.length > 0 || (command !== undefined && command !== 'stop')) {
    throw new UsageError(`"${positionals.join(' ')}" is not a command; the only one is stop`);
  }
  const state = resolve(required(values.state, '--state'));
  if (command === 'stop') return { command, state };
  return {
    command: 'serve',
    state,
    envoy: executable(required(values.envoy, '--envoy'), '--envoy'),
    python: executable(required(values.python, '--python'), '--python'),
    workspaces: (values.workspace ?? ['local']).map(workspaceName),
    port: portNumber(values.port, '--port'),
    gatewayPort: portNumber(values['gateway-port'], '--gateway-port'),
    faults: values.faults === true,
    logLevel: logLevel(values['log-level'] ?? 'info'),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        state: { type: 'string' },
        envoy: { type: 'string' },
        python: { type: 'string' },
        workspace: { type: 'string', multiple: true },
        port: { type: 'string' },
        'gateway-port': { type: 'string' },
        'log-level': { type: 'string' },
        faults: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function required(value: string | undefined, name: string): string {
  if (value !== undefined && value !== '') return value;
  throw new UsageError(`${name} is missing`);
}

function executable(path: string, name: string): string {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new UsageError(`${name} is ${path}, which is not an executable file`);
  }
  return resolve(path);
}

function workspaceName(name: string): string {
  if (WORKSPACE.test(name)) return name.toLowerCase();
  throw new UsageError(`--workspace is "${name}"; expected 2 to 33 letters, digits, dashes and underscores`);
}

function portNumber(text: string | undefined, name: string): number {
  const port = Number(text ?? '0');
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UsageError(`${name} is ${text}; expected a port number, or 0 to let the host choose`);
}

function logLevel(level: string): string {
  if (LOG_LEVELS.includes(level)) return level;
  throw new UsageError(`--log-level is ${level}; expected one of ${LOG_LEVELS.join(', ')}`);
}
