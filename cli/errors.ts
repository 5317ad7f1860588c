import { asGreenlightError, type ErrorCode } from '../client/errors.js';
import { PortError } from '../core/port-error.js';
import { EXIT_CODES, type Exit } from './exit-codes.js';

/** Ends a command with a message for people: what is wrong, what was expected, what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exit: Exit;

  constructor(exit: Exit, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
  }
}

export interface Explained {
  readonly exit: Exit;
  readonly text: string;
}

/**
 * Turns whatever was thrown into plain text and an exit code. The only place that decides what a stack is shown for:
 * none, unless `debug` (GREENLIGHT_DEBUG) is set.
 *
 * Errors of other rooms are known by name, so that nothing of them has to be loaded to say that they were thrown.
 */
export function explainError(error: unknown, debug: boolean): Explained {
  const known = explainKnown(error);
  const stack = debug && error instanceof Error ? `\n${stackOf(error)}` : '';
  if (known !== undefined) return { ...known, text: known.text + stack };
  const message = error instanceof Error ? error.message : String(error);
  const advice = debug
    ? ''
    : '\nThis looks like a fault of greenlight. Set GREENLIGHT_DEBUG=1 and run it again to see where.';
  return { exit: 'unexpected', text: `${message}${advice}${stack}` };
}

function explainKnown(thrown: unknown): Explained | undefined {
  if (thrown instanceof CliError) return { exit: thrown.exit, text: thrown.message };
  if (thrown instanceof PortError) return { exit: portExit(thrown), text: thrown.message };
  // Commands ask Temporal by other ways than the library's, too.
  const error = asGreenlightError(thrown);
  if (!(error instanceof Error)) return undefined;
  switch (error.name) {
    case 'GreenlightError': {
      const { code } = error as Error & { readonly code: ErrorCode };
      return { exit: code === 'spec' ? 'rejected' : code, text: error.message };
    }
    case 'EmbeddedError':
      return { exit: 'unexpected', text: error.message };
    default:
      return systemText(error);
  }
}

function portExit({ kind, code }: PortError): Exit {
  if (code === 'ResourceNotFound') return 'not-found';
  return kind === 'permanent' ? 'refused' : 'unreachable';
}

function systemText(error: Error): Explained | undefined {
  const { code, path, syscall, address, port } = error as NodeJS.ErrnoException & {
    readonly address?: string;
    readonly port?: number;
  };
  if (typeof code !== 'string') return undefined;
  if (syscall === 'listen' && (code === 'EADDRINUSE' || code === 'EACCES')) {
    const why = code === 'EADDRINUSE' ? 'another program listens there' : 'this user may not';
    return {
      exit: 'unexpected',
      text: `Nothing can listen on ${address}:${port}: ${why} (${code}). Choose another with --port.`,
    };
  }
  if (path === undefined) return undefined;
  return { exit: 'unexpected', text: `${path} cannot be used: ${error.message}` };
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by: ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}

export function exitCodeOf(exit: Exit): number {
  return EXIT_CODES[exit].code;
}
