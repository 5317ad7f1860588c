import type { AccessToken, GetTokenOptions, TokenCredential } from '@azure/core-auth';
import { unlessAborted } from '../unless-aborted.js';
import { noToken } from './errors.js';

/** From so long before a token's end on, a new one is asked for. */
const RENEW_BEFORE_MS = 120_000;
/** It has to live until the request has arrived. */
const ON_ITS_WAY_MS = 1_000;

/**
 * The credential with a memory for one scope, to be asked before every request.
 *
 * The policy of Azure's SDK has such a memory too, but renews in promises that nobody awaits: one that fails ends the
 * process, and one that never settles holds up every later call. So it is told that no token lasts. Here, a renewal is
 * waited for only once the token before has ended, and has a deadline of its own: it is everybody's, and goes on when
 * one call is cancelled. A token that the service did not accept is forgotten: somebody may have signed in anew.
 *
 * @param withinMs - longest wait for the credential, milliseconds.
 * @throws {PortError} `NoToken`, see {@link askForToken}.
 */
export function remembering(
  credential: TokenCredential,
  withinMs: number,
): TokenCredential & { refused(): void } {
  let held: AccessToken | undefined;
  let renewing: Promise<AccessToken> | undefined;

  async function renew(scopes: string | string[], options: GetTokenOptions): Promise<AccessToken> {
    const own = askForToken(credential, scopes, withinMs, options);
    renewing = own;
    try {
      const token = await own;
      if (renewing === own) held = token;
      return token;
    } finally {
      if (renewing === own) renewing = undefined;
    }
  }

  return {
    refused: () => void (held = undefined),
    async getToken(scopes, options = {}) {
      // The service refused the token that it was given, and says what the next one has to have.
      if (options.claims !== undefined) held = renewing = undefined;
      const leftMs = (held?.expiresOnTimestamp ?? 0) - Date.now();
      let token = held;
      if (token === undefined || leftMs < RENEW_BEFORE_MS) {
        const renewal = renewing ?? renew(scopes, options);
        if (token === undefined || leftMs < ON_ITS_WAY_MS) token = await renewal;
        // The next call tries again.
        else renewal.catch(() => undefined);
      }
      return { token: token.token, expiresOnTimestamp: 0 };
    },
  };
}

/**
 * Asks a credential once.
 *
 * @param withinMs - longest wait, milliseconds.
 * @throws {PortError} `NoToken` with what the credential said: permanent where that is final.
 */
export async function askForToken(
  credential: TokenCredential,
  scopes: string | string[],
  withinMs: number,
  options: GetTokenOptions = {},
): Promise<AccessToken> {
  const deadline = AbortSignal.timeout(withinMs);
  try {
    const asked = credential.getToken(scopes, { ...options, abortSignal: deadline });
    const token = await unlessAborted(asked, deadline);
    if (token === null) throw new Error('the credential gave none');
    return token;
  } catch (thrown) {
    const late = new Error(`the credential gave none within ${withinMs / 1000} s`, { cause: thrown });
    throw noToken(String(scopes), deadline.aborted ? late : thrown);
  }
}
