import { userInfo } from 'node:os';

/** The user of this machine: who acts, where nobody is named. */
export function thisUser(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an entry in the password file, as in some containers.
    return env['USER'] ?? `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
