import { Agent, request } from 'undici';
import type { ProbeProperties } from '../state/model.js';
import { durationMs } from './duration.js';

/** A connection per probe, so that none of them keeps a worker of the model server. */
const agent = new Agent({ pipelining: 0, connections: 16 });

/** @returns whether the instance answered in time with a status below 400. */
export async function probe(port: number, path: string, timeoutMs: number): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`http://127.0.0.1:${port}${path}`, {
      dispatcher: agent,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { 'user-agent': 'greenlight-probe' },
    });
    await body.dump();
    return statusCode < 400;
  } catch {
    return false;
  }
}

/** How often a new instance is looked at: its first answer counts at once, whatever the period says. */
export const STARTING_PERIOD_MS = 200;

/** How long an instance may take from its start to its first readiness, milliseconds. */
export function startDeadlineMs(probe: ProbeProperties): number {
  return durationMs(probe.initialDelay ?? 'PT0S') + probe.failureThreshold * durationMs(probe.period);
}

/** Answers to one probe so far. */
export interface ProbeCount {
  readonly successes: number;
  readonly failures: number;
}

export const NO_ANSWERS: ProbeCount = { successes: 0, failures: 0 };

/** Only answers in a row count. */
export function countAnswer(count: ProbeCount, good: boolean): ProbeCount {
  return good
    ? { successes: count.successes + 1, failures: 0 }
    : { successes: 0, failures: count.failures + 1 };
}

/** What a row of answers says. */
export function judgeProbe(count: ProbeCount, probe: ProbeProperties): 'good' | 'bad' | 'undecided' {
  if (count.successes >= probe.successThreshold) return 'good';
  if (count.failures >= probe.failureThreshold) return 'bad';
  return 'undecided';
}
