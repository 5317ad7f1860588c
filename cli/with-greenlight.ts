import { Greenlight } from '../client/greenlight.js';
import type { Context } from './context.js';
import type { Exit } from './exit-codes.js';

/**
 * Connects to Temporal, runs `work`, and closes the connection again.
 *
 * @throws {GreenlightError} unreachable, with the address and where it came from.
 */
export async function withGreenlight(
  { env, stateDir, target }: Context,
  work: (greenlight: Greenlight) => Promise<Exit>,
): Promise<Exit> {
  const greenlight = await Greenlight.connect({ env, stateDir, target });
  try {
    return await work(greenlight);
  } finally {
    await greenlight.close();
  }
}
