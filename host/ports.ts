import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

/**
 * Where the host looks for ports: below what Linux gives to outgoing connections, one of which could otherwise sit on a
 * port at the moment that a server wants it back.
 */
const FIRST = 20_000;
const LAST = 32_000;

/** @throws when none of many tries is free. */
export async function freePort(taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(FIRST, LAST);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`no free port found between ${FIRST} and ${LAST} on 127.0.0.1`);
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
