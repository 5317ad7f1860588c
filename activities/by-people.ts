import type { Scaled } from '../core/drift.js';

/**
 * Nobody else changed what an autoscaler did; but none goes down to nothing. Who cannot be told counts as scaled by one: it
 * holds no rollout.
 *
 * @param isAutoscaled - null: it cannot be told.
 */
export async function byPeople(
  scaled: readonly Scaled[],
  isAutoscaled: (deployment: string) => Promise<boolean | null>,
): Promise<readonly Scaled[]> {
  const each = await Promise.all(
    scaled.map(async ({ deployment, to }) => to === 0 || (await isAutoscaled(deployment)) === false),
  );
  return scaled.filter((_, index) => each[index] === true);
}
