import { randomUUID } from 'node:crypto';
import type { Info } from '@temporalio/activity';
import { activityEnvironment } from './activity-environment.js';

/**
 * The attempts of one activity, one after the other, as one worker makes them.
 *
 * @returns what each ended with, or threw.
 */
export async function attemptsOf(
  count: number,
  attempt: (n: number) => Promise<unknown>,
  info: Partial<Info> = {},
): Promise<unknown[]> {
  const activityId = randomUUID();
  const ends: unknown[] = [];
  for (let n = 1; n <= count; n++) {
    const environment = activityEnvironment({ activityId, ...info, attempt: n });
    ends.push(await environment.run(() => attempt(n)).catch((error: unknown) => error));
  }
  return ends;
}
