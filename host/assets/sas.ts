import { createHmac } from 'node:crypto';
import { sameSecret } from '../arm/auth.js';

/** How long a client may go on with an upload that it began, seconds. */
const LIFE_S = 24 * 3600;

/**
 * Query of an address that opens one blob container, as a shared access signature does in Azure.
 *
 * The signature covers container and expiry; nothing is stored, so it holds over restarts of the host.
 */
export function signContainer(
  secret: string,
  account: string,
  container: string,
  nowSeconds: number,
): string {
  const se = new Date((nowSeconds + LIFE_S) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  return new URLSearchParams({
    sv: '2021-08-06',
    sr: 'c',
    sp: 'rcwl',
    se,
    sig: signature(secret, account, container, se),
  }).toString();
}

/** Why a signature does not open a container; undefined when it does. */
export function whyNotSigned(
  secret: string,
  account: string,
  container: string,
  query: { readonly se?: string | undefined; readonly sig?: string | undefined },
  nowSeconds: number,
): string | undefined {
  const { se, sig } = query;
  if (se === undefined || sig === undefined) return 'the address carries no signature (se and sig)';
  if (!sameSecret(sig, signature(secret, account, container, se)))
    return 'the signature is not the one of this container';
  if (!(Date.parse(se) / 1000 > nowSeconds)) return `the signature has expired, at ${se}`;
  return undefined;
}

function signature(secret: string, account: string, container: string, expiry: string): string {
  return createHmac('sha256', secret).update(`${account}\n${container}\n${expiry}`).digest('base64');
}
