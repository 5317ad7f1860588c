import type { Tags } from '../state/model.js';
import { badArgument } from './errors.js';
import { HOST_PROPERTIES } from './resources.js';

/** Settings of the host that callers may put on a deployment. */
const CALLER_PROPERTIES = ['greenlight.command', 'greenlight.probePath'];

/**
 * A resource's `properties.properties` after a PUT: they can be added to, and never removed or changed.
 *
 * What the host itself shows there is left out: clients send back what they got.
 *
 * @throws {ArmError} 400 for a `greenlight.` name that the host does not know.
 */
export function mergeProperties(before: Tags, given: Tags): Tags {
  const own = Object.entries(given).filter(([key]) => !(HOST_PROPERTIES as readonly string[]).includes(key));
  for (const [key] of own) {
    if (key.startsWith('greenlight.') && !CALLER_PROPERTIES.includes(key)) {
      throw badArgument(
        `properties.properties.${key} is not a setting of this host; it knows ${CALLER_PROPERTIES.join(', ')}.`,
        'properties.properties',
      );
    }
  }
  return { ...Object.fromEntries(own), ...before };
}
