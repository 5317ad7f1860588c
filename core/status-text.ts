import { whyNotAdopt } from './adopt.js';
import { unseenIn } from './blind-hold.js';
import { endpointArgument } from './command-text.js';
import type { RolloutStatus } from './messages.js';
import type { GateEvidence } from './gates/index.js';
import type { Plan, Step, UndecidedPolicy } from './plan.js';
import { targetName } from './plan.js';
import { approversOf, approversText } from './approvers.js';
import type { DriftHold, Hold, HumanAction, Phase, RunState } from './run.js';
import { countsFromMs, stepTimes } from './step-clock.js';
import { trafficText } from './traffic.js';
import { durationText, instantText } from './units.js';

/** `ramp 25 %`, `bake 30m`: how a step is called everywhere. */
export function stepLabel(step: Step): string {
  switch (step.kind) {
    case 'mirror':
    case 'ramp':
      return `${step.kind} ${step.percent} %`;
    case 'bake':
      return `bake ${durationText(step.forMs)}`;
    case 'create':
    case 'smoke':
    case 'approve':
    case 'cutover':
    case 'delete-baseline':
      return step.kind;
    default:
      return step satisfies never;
  }
}

const PHASES: Readonly<Record<Step['kind'], Phase>> = {
  create: 'creating',
  smoke: 'smoke-testing',
  mirror: 'mirroring',
  ramp: 'ramping',
  approve: 'waiting-for-approval',
  cutover: 'cutting-over',
  bake: 'baking',
  'delete-baseline': 'deleting-baseline',
};

/** The phases that steps stand for. */
export const STEP_PHASES: readonly Phase[] = Object.values(PHASES);

export function phaseOf({ kind }: Step): Phase {
  return PHASES[kind];
}

/** Under 200 bytes, fixed at the start: `diabetes: blue → green, 8 steps`. */
export function staticSummary(plan: Plan): string {
  const from = plan.baseline ?? 'whoever serves now';
  return `${plan.endpoint}: ${from} → ${plan.deployment.name}, ${plan.steps.length} steps`;
}

/** Why the rollout stands still: for a person rather than for what it cannot see, where both are so. */
export function holdOf({ hold, blind }: Pick<RunState, 'hold' | 'blind'>): Hold | null {
  return hold ?? blind;
}

/** What comes next, for people. */
function nextText(plan: Plan, state: RunState): string {
  const step = plan.steps[state.stepIndex];
  if (state.paused !== null) return `waits for resume (paused by ${state.paused.by}: ${state.paused.reason})`;
  const approvers = approversOf(plan, step);
  const only = approvers === null ? '' : ` (${approversText(approvers)})`;
  if (state.hold?.kind === 'drift') {
    if (state.hold.observed === null) return 'waits for a person: bring back what is gone, or abort';
    const adopt = whyNotAdopt(plan, state, state.hold) === null ? `adopt${only}, ` : '';
    return `waits for a person: ${adopt}restore or abort`;
  }
  if (step === undefined) return 'nothing: the rollout is over';
  if (state.hold?.kind === 'undecided')
    return `waits for a person: approve${only} to go on, reject or abort to roll back`;
  const following = plan.steps[state.stepIndex + 1];
  const then = following === undefined ? 'done' : stepLabel(following);
  if (unseenIn(state.blind).includes('metrics')) return blindNextText(step, state);
  switch (step.kind) {
    case 'mirror':
    case 'ramp':
      return `${then}, as soon as every required gate is proven (after ${durationText(step.dwell.atLeastMs)}, at most ${durationText(step.dwell.atMostMs)})`;
    case 'bake':
      return `${then}, ${durationText(step.forMs)} after ${instantText(countsFromMs(step, state))}`;
    case 'approve':
      return `${then}, once approved${approvers === null ? '' : ` by ${approversText(approvers)}`} (until ${instantText(countsFromMs(step, state) + step.withinMs)}, then it rolls back)`;
    case 'create':
    case 'smoke':
    case 'cutover':
    case 'delete-baseline':
      return then;
    default:
      return step satisfies never;
  }
}

/** Without metrics a step goes on when they are back, and by its policy when its time is over. */
function blindNextText(step: Step, state: RunState): string {
  const at = (afterMs: number): string => instantText(countsFromMs(step, state) + afterMs);
  switch (step.kind) {
    case 'mirror':
    case 'ramp':
      return `waits for metrics; without them, ${POLICY[step.undecided]} at ${at(step.dwell.atMostMs)}`;
    case 'bake':
      return `waits for metrics; without them, ${POLICY[step.undecided]} at ${at(step.forMs)}`;
    case 'approve':
      return `waits for metrics, and for approval until ${at(step.withinMs)}, then it rolls back`;
    default:
      return 'waits for metrics';
  }
}

const POLICY: Readonly<Record<UndecidedPolicy, string>> = {
  hold: 'asks a person',
  proceed: 'goes on',
  'roll-back': 'rolls back',
};

/** The commands that make sense now. */
export function actionsNow(plan: Plan, state: RunState, phase: Phase): readonly string[] {
  if (phase === 'finished' || phase === 'rolling-back') return [];
  const on = endpointArgument(plan);
  const approvable = state.hold?.kind === 'undecided' || plan.steps[state.stepIndex]?.kind === 'approve';
  return [
    ...(approvable ? [`greenlight approve ${on}`, `greenlight reject ${on} --reason …`] : []),
    ...(state.hold?.kind === 'drift' ? driftActions(plan, state, state.hold) : []),
    state.paused === null ? `greenlight pause ${on} --reason …` : `greenlight resume ${on}`,
    `greenlight abort ${on} --reason …`,
  ];
}

function driftActions(plan: Plan, state: RunState, hold: DriftHold): readonly string[] {
  if (hold.observed === null) return [];
  const command = `greenlight drift ${endpointArgument(plan)}`;
  return [
    ...(whyNotAdopt(plan, state, hold) === null ? [`${command} --adopt --reason …`] : []),
    `${command} --restore --reason …`,
  ];
}

/** The Markdown that stands in the Temporal UI while a rollout runs. */
export function currentDetails(status: RolloutStatus): string {
  const rows: [string, string][] = [
    ['Endpoint', `${status.endpoint} on ${status.target}`],
    ['Versions', `${status.baseline || '?'} → ${status.green}`],
    ['Phase', status.phase],
    ['Step', stepPosition(status)],
    ['Traffic', status.traffic === null ? 'not read yet' : trafficText(status.traffic)],
    ['Verdict', status.verdict || 'none yet'],
    ...(status.hold === null
      ? []
      : [
          ['Held', `${status.hold.because} (since ${instantText(status.hold.sinceMs)})`] satisfies [
            string,
            string,
          ],
        ]),
    ['Next', status.next],
  ];
  const table = ['| | |', '|---|---|', ...rows.map(([name, text]) => `| **${name}** | ${cell(text)} |`)];
  const gates =
    status.evidence.length === 0
      ? []
      : ['', '**Gates**', '', ...status.evidence.map((e) => `- ${gateLine(e, status)}`)];
  const actions =
    status.actionsNow.length === 0
      ? []
      : ['', '**How to act**', '', ...status.actionsNow.map((line) => `- \`${line}\``)];
  const done = [
    '',
    '**Steps**',
    '',
    ...status.steps.map((s) => `- ${s.stopped ? '✗' : '✓'} ${s.label}: ${s.result}`),
  ];
  return [...table, ...gates, ...(status.steps.length === 0 ? [] : done), ...actions].join('\n');
}

/** Who is judged, and against whom: names of deployments. */
export interface Arms {
  readonly green: string;
  readonly baseline: string;
}

/** `errors: open; green 3 of 412 errors, blue 11 of 3,690; limit: at most 0.5 pp more than blue` */
export function gateLine(e: GateEvidence, { green, baseline }: Arms): string {
  const arm = (name: string, counts: { bad: number; requests: number }): string =>
    `${name} ${counts.bad.toLocaleString('en-US')} of ${counts.requests.toLocaleString('en-US')}`;
  const blue = e.blue === null ? '' : `, ${arm(baseline || 'baseline', e.blue)}`;
  return `${e.gate}: ${e.standing}; ${arm(green, e.green)} ${e.counts}${blue}; limit: ${e.limit}`;
}

/** What a person did, after their name. */
export const ACTED: Readonly<Record<HumanAction['kind'], string>> = {
  approve: 'approved',
  reject: 'rejected',
  pause: 'paused',
  resume: 'resumed',
  abort: 'aborted',
  'drift-adopt': 'adopted the traffic that stands there',
  'drift-restore': 'had the traffic restored',
};

/** `ann approved: looks good`. */
export function actionLine(action: HumanAction): string {
  const why = action.reason === '' ? '' : `: ${action.reason}`;
  return `${action.by} ${ACTED[action.kind]}${why}`;
}

function stepPosition(status: RolloutStatus): string {
  const label = status.stepLabels[status.stepIndex];
  return label === undefined
    ? 'all done'
    : `${status.stepIndex + 1} of ${status.stepLabels.length}: ${label}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** The answer of the status query. */
export function statusOf(
  plan: Plan,
  state: RunState,
  phase: Phase,
  outcome: RolloutStatus['outcome'],
): RolloutStatus {
  return {
    endpoint: plan.endpoint,
    target: targetName(plan.target),
    baseline: state.baseline,
    green: plan.deployment.name,
    phase,
    outcome,
    startedAtMs: state.startedAtMs,
    stepLabels: plan.steps.map(stepLabel),
    stepIndex: state.stepIndex,
    stepStartedAtMs: state.stepStartedAtMs,
    times: stepTimes(plan.steps[state.stepIndex], state),
    traffic: state.expected,
    verdict: state.verdict,
    evidence: state.evidence,
    hold: holdOf(state),
    paused: state.paused,
    next: phase === 'rolling-back' ? 'rollback' : nextText(plan, state),
    actionsNow: actionsNow(plan, state, phase),
    steps: state.steps,
    actions: state.actions,
    notes: state.notes,
  };
}
