import { endpointArgument, type Located } from './command-text.js';

/** What a person runs after a rollback that could not be finished, or not be proven: a look, then all traffic back. */
export function commandsAfterIncomplete(
  rollout: Located & { readonly baseline: string },
): readonly [look: string, back: string] {
  const on = endpointArgument(rollout);
  return [`greenlight endpoint show ${on}`, `greenlight revert ${on} --to ${rollout.baseline || 'BASELINE'}`];
}
