import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where running parts are noted: `GREENLIGHT_STATE`, else `XDG_STATE_HOME/greenlight`, else `~/.local/state/greenlight`. */
export function stateDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env['GREENLIGHT_STATE']) return env['GREENLIGHT_STATE'];
  if (env['XDG_STATE_HOME']) return join(env['XDG_STATE_HOME'], 'greenlight');
  return join(homedir(), '.local', 'state', 'greenlight');
}
