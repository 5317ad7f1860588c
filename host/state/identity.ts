import { X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { generate } from 'selfsigned';
import { makeArmToken } from '../arm/auth.js';
import { readTextIfThere, writeFileAtomic } from './atomic.js';
import type { StatePaths } from './paths.js';

/** What the host shows to clients, and what they show to it. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
  /** Bearer token of ARM calls. */
  readonly token: string;
}

const YEARS = 5;
/** A certificate is made anew when it has less than this left. */
const RENEW_DAYS = 30;

/** Certificate and token of a state folder, made at its first start. */
export async function loadIdentity(paths: StatePaths, tenantId: string): Promise<Identity> {
  await mkdir(paths.tls, { recursive: true, mode: 0o700 });
  let key = await readTextIfThere(paths.key);
  let cert = await readTextIfThere(paths.cert);
  if (key === undefined || cert === undefined || !isGood(cert, key)) {
    ({ key, cert } = await makeCertificate());
    await writeFileAtomic(paths.key, key);
    await writeFileAtomic(paths.cert, cert, 0o644);
  }
  let token = (await readTextIfThere(paths.token))?.trim();
  if (token === undefined || token === '') {
    token = makeArmToken(tenantId);
    await writeFileAtomic(paths.token, `${token}\n`);
  }
  return { key, cert, token };
}

function isGood(cert: string, key: string): boolean {
  try {
    const parsed = new X509Certificate(cert);
    const left = Date.parse(parsed.validTo) - Date.now();
    return left > RENEW_DAYS * 86_400_000 && key.includes('PRIVATE KEY');
  } catch {
    return false;
  }
}

async function makeCertificate(): Promise<{ key: string; cert: string }> {
  const until = new Date();
  until.setFullYear(until.getFullYear() + YEARS);
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: until,
    extensions: [
      // Its own authority: clients trust this one file.
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { key: made.private, cert: made.cert };
}
