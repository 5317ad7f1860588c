import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Compares in constant time; digests, because the comparison itself wants equal lengths. */
export function sameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The token of an `Authorization: Bearer` header. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer\s+(\S+)\s*$/i.exec(header ?? '')?.[1];
}

/**
 * A bearer token for ARM calls.
 *
 * It has the form of a JWT because Microsoft's client reads the tenant out of it; the host compares it as a whole.
 */
export function makeArmToken(tenantId: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    aud: 'https://management.azure.com',
    iss: 'greenlight endpoint host',
    tid: tenantId,
    oid: tenantId,
    iat: Math.floor(Date.now() / 1000),
    exp: 4_102_444_800, // 2100: it lives as long as the state folder
  };
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${randomBytes(32).toString('base64url')}`;
}

/** A key or token for scoring: 43 characters that need no escaping. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url');
}
