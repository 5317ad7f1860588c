import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** What a link lets its holder do, once. */
export const LinkClaim = z.strictObject({
  v: z.literal(1),
  workflowId: z.string(),
  endpoint: z.string(),
  /** What is rolled out: `blue → green`. */
  what: z.string(),
  /** The question that it answers; the rollout takes one answer to it. */
  ask: z.string(),
  action: z.enum(['approve', 'reject']),
  /** Whose word it is. */
  by: z.string(),
  /** Milliseconds since the epoch. */
  expiresAtMs: z.number(),
});
export type LinkClaim = z.infer<typeof LinkClaim>;

export type LinkCheck =
  | { readonly ok: true; readonly claim: LinkClaim }
  | { readonly ok: false; readonly why: 'forged' | 'expired' };

/** Makes and checks the tokens of links: a claim, and an HMAC-SHA256 of it that needs the worker's secret. */
export class LinkSigner {
  readonly #secret: string;

  /** @throws {RangeError} for a secret that could be guessed. */
  constructor(secret: string) {
    if (secret.length < 32) {
      throw new RangeError(
        `the secret of links has ${secret.length} characters; expected at least 32, such as \`openssl rand -base64 32\` prints`,
      );
    }
    this.#secret = secret;
  }

  sign(claim: LinkClaim): string {
    const body = Buffer.from(JSON.stringify(claim)).toString('base64url');
    return `${body}.${this.#mac(body).toString('base64url')}`;
  }

  check(token: string, nowMs: number): LinkCheck {
    const [body = '', mac = '', ...rest] = token.split('.');
    const given = Buffer.from(mac, 'base64url');
    const wanted = this.#mac(body);
    const right = rest.length === 0 && given.length === wanted.length && timingSafeEqual(given, wanted);
    const claim = right ? claimIn(body) : undefined;
    if (claim === undefined) return { ok: false, why: 'forged' };
    return nowMs < claim.expiresAtMs ? { ok: true, claim } : { ok: false, why: 'expired' };
  }

  #mac(body: string): Buffer {
    // Its own purpose in it: the same secret used elsewhere signs nothing that counts here.
    return createHmac('sha256', this.#secret).update(`greenlight-link.${body}`).digest();
  }
}

function claimIn(body: string): LinkClaim | undefined {
  try {
    return LinkClaim.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
}
