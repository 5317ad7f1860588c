import type { Plan, Step } from './plan.js';

/**
 * Who may let a rollout go on where it waits for a person: the step's own list, else the spec's.
 *
 * @returns null where the spec names nobody: then everyone may who can send the rollout a message.
 */
export function approversOf(plan: Pick<Plan, 'approvers'>, step: Step | undefined): readonly string[] | null {
  const own = step?.kind === 'approve' ? step.by : undefined;
  return own ?? plan.approvers ?? null;
}

/** `ann or bob`; `anyone` where nobody is named. */
export function approversText(approvers: readonly string[] | null): string {
  if (approvers === null) return 'anyone';
  const last = approvers.at(-1) ?? '';
  return approvers.length < 2 ? last : `${approvers.slice(0, -1).join(', ')} or ${last}`;
}
