import type { Target } from '../core/plan.js';
import type { Output } from './output.js';

/** A person's terminal. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** false: NO_COLOR is set, or the terminal has none. */
  readonly colour: boolean;
}

/** What every command is given. */
export interface Context {
  readonly env: NodeJS.ProcessEnv;
  /** Folder that notes what `greenlight up` started. */
  readonly stateDir: string;
  /** Where endpoints live, for commands that name an endpoint and no spec. */
  readonly target: Target;
  /** Who named the target; null where nobody did, and it is the default. */
  readonly targetFrom: '--target' | 'GREENLIGHT_TARGET' | null;
  readonly out: Output;
  /** Where a person sits and types; null in a pipe, in a file or in CI. */
  readonly terminal: Terminal | null;
  /** From the first call on, Ctrl-C and SIGTERM abort the signal and do not end the program. For commands that wait. */
  readonly stop: () => AbortSignal;
}

/** Who acts, as given; undefined where nobody was named, or with a blank. */
export function givenName(by: string | undefined): string | undefined {
  return by?.trim() || undefined;
}
