import { Agent, request } from 'undici';
import { median, quantileOf } from './figures.js';
import { cpuMs } from './gateway-peer.js';

export const CONNECTIONS = 16;

/** What is asked: one way to the same backends. */
export interface Way {
  readonly url: string;
  /** Whose processor time counts; null = nobody is between. */
  readonly pid: number | null;
}

/** What one load got: requests a second, milliseconds, and microseconds of the processor for each request. */
export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUs: number;
}

/** Keeps every connection busy for so long. */
async function load({ url, pid }: Way, key: string, forSeconds: number): Promise<Load> {
  const agent = new Agent({ connections: CONNECTIONS });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const cpu = (): number => (pid === null ? 0 : cpuMs(pid));
  const tookMs: number[] = [];
  const before = cpu();
  const start = performance.now();
  const end = start + forSeconds * 1000;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (let sent = performance.now(); sent < end; sent = performance.now()) {
        const answer = await request(url, { method: 'POST', dispatcher: agent, headers, body: '{}' });
        await answer.body.dump();
        if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
        tookMs.push(performance.now() - sent);
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  await agent.close();
  tookMs.sort((a, b) => a - b);
  return {
    perSecond: tookMs.length / seconds,
    p50Ms: quantileOf(tookMs, 0.5),
    p99Ms: quantileOf(tookMs, 0.99),
    cpuUs: ((cpu() - before) * 1000) / tookMs.length,
  };
}

/** All ways in turns, the first of one round being the last of the next: what the machine does beside hits all of them. */
export async function loadInTurns<K extends string>(
  ways: Readonly<Record<K, Way>>,
  key: string,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Readonly<Record<K, readonly Load[]>>> {
  const names = Object.keys(ways) as K[];
  const loads = Object.fromEntries(names.map((name) => [name, [] as Load[]])) as Record<K, Load[]>;
  for (const name of names) await load(ways[name], key, 1);
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      loads[name].push(await load(ways[name], key, seconds));
    }
  }
  return loads;
}

export const medianOf = (loads: readonly Load[], figure: keyof Load): number =>
  median(loads.map((each) => each[figure]));
