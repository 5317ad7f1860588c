import { checkConfig } from './check.js';
import type { Verdict } from './decide.js';
import { advance, initialState } from './machine.js';
import type { Look, LookResult, MachineConfig } from './types.js';

/**
 * Runs looks through gates, as `greenlight gates eval` prints it (gates.md 9). A decision sticks to its step: a look
 * with `newStep` begins the next.
 *
 * @throws {RangeError} if the configuration cannot be judged by; the message lists everything that is wrong with it.
 */
export function evaluate(input: {
  readonly config: MachineConfig;
  readonly looks: readonly Look[];
}): LookResult[] {
  const { config, looks } = input;
  const problems = checkConfig(config);
  if (problems.length > 0) throw new RangeError(problems.join('\n'));
  let state = initialState(config);
  let final: Verdict | null = null;
  return looks.map((look) => {
    const step = advance(config, state, look);
    state = step.state;
    if (look.newStep === true) final = null;
    const { decision, reason } = final ?? step.result;
    if (decision !== 'continue') final = { decision, reason };
    return { ...step.result, decision, reason };
  });
}
