import { setCurrentDetails, upsertSearchAttributes, uuid4, workflowInfo } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';

import { isNews } from '../core/blind-hold.js';
import type { Scaled } from '../core/drift.js';
import type { EndpointRef } from '../core/activities.js';
import type { Outcome } from '../core/failures.js';
import type { RolloutStatus } from '../core/messages.js';
import type { Plan, Step } from '../core/plan.js';
import { targetName } from '../core/plan.js';
import type { Hold, HumanAction, Phase, RolloutReport, RunState, StepRecord } from '../core/run.js';
import { SEARCH_ATTRIBUTES, type SearchAttributeName } from '../core/search-attributes.js';
import { carryOver } from '../core/gates/carry-over.js';
import { answered, rescaled } from '../core/instances-owed.js';
import { currentDetails, holdOf, phaseOf, statusOf, stepLabel } from '../core/status-text.js';
import { shareOf, type Traffic } from '../core/traffic.js';
import type { RolloutName } from '../core/rollout-events.js';
import type { ChannelRef, NotifyEvent } from '../core/notification.js';
import { registerUndo, type Undo } from '../core/undo.js';
import { events } from './events.js';
import { Patches } from './patches.js';
import { Telling } from './telling.js';

const attribute = <N extends SearchAttributeName>(name: N) =>
  defineSearchAttributeKey(name, SEARCH_ATTRIBUTES[name]);
const phaseAttribute = attribute('RolloutPhase');
const outcomeAttribute = attribute('RolloutOutcome');
const greenShareAttribute = attribute('RolloutGreenShare');

function initialRunState(plan: Plan): RunState {
  return {
    stateVersion: 1,
    startedAtMs: Date.now(),
    baseline: plan.baseline ?? '',
    before: null,
    expected: null,
    stepIndex: 0,
    stepStartedAtMs: Date.now(),
    stepPausedMs: 0,
    shifted: false,
    hold: null,
    blind: null,
    paused: null,
    approval: null,
    instances: {},
    undos: [],
    adopted: false,
    metricsBefore: null,
    memory: null,
    verdict: '',
    evidence: [],
    steps: [],
    actions: [],
    notes: [],
  };
}

/** One run: the plan, what it remembers, and what people see of it. */
export class Run {
  readonly plan: Plan;
  readonly state: RunState;
  /** Set by the abort handler; the main loop acts on it. */
  abort: HumanAction | null = null;
  /** Set by the reject handler while a person is asked. */
  rejection: HumanAction | null = null;
  /** Set by the drift handler while the rollout is held. */
  driftChoice: 'adopt' | 'restore' | null = null;
  /** Windows and words of people that this run has had, without those of the runs before it. */
  turns = 0;
  /** For how long the last window had seen nothing when it was over. */
  blindForMs = 0;
  /** That green failed at least half of the step's requests until then, in words; null where it did not. */
  failed: string | null = null;
  /** The traffic whose write is under way, in words. */
  writing: string | null = null;
  outcome: Outcome | null = null;
  readonly telling: Telling;
  readonly patches = new Patches();
  private fixedPhase: 'rolling-back' | 'finished' | null = null;
  private shownKey = shownAtStart();
  private shownHold: Hold | null;
  private shownBlind: Hold | null;

  constructor(plan: Plan, carried: RunState | undefined) {
    this.plan = plan;
    this.state = carried ?? initialRunState(plan);
    // Gone on as a new run, it is held since before.
    this.shownHold = holdOf(this.state);
    this.shownBlind = this.state.blind;
    this.telling = new Telling(
      () => this.state.telling,
      (telling) => {
        this.state.telling = telling;
      },
      (text) => this.note(text),
    );
    if (carried === undefined) events.begun(this.name);
    // Gone on as a new run, it tells on.
    this.telling.begin(carried === undefined ? planChannels(plan) : []);
  }

  get name(): RolloutName {
    return { endpoint: this.plan.endpoint, target: targetName(this.plan.target) };
  }

  get endpoint(): EndpointRef {
    return { target: this.plan.target, endpoint: this.plan.endpoint };
  }

  get green(): string {
    return this.plan.deployment.name;
  }

  get step(): Step | undefined {
    return this.plan.steps[this.state.stepIndex];
  }

  /** What the endpoint should show now. Only to be asked after preflight. */
  get expected(): Traffic {
    if (this.state.expected === null) throw new Error('the endpoint was not read yet');
    return this.state.expected;
  }

  /** Green holds everything and its undo list is cleared on purpose: the baseline may be gone at any moment. */
  get pastReturn(): boolean {
    return (this.step === undefined || this.step.kind === 'delete-baseline') && this.state.undos.length === 0;
  }

  /** Whenever a pause or a hold for drift begins or ends: the clock of the step under way stands still in both. */
  keepTime(): void {
    const { state } = this;
    if (state.paused !== null || state.hold?.kind === 'drift') {
      state.clockStoppedAtMs ??= this.nowMs;
      return;
    }
    if (state.clockStoppedAtMs === undefined) return;
    state.stepPausedMs += this.nowMs - Math.max(state.clockStoppedAtMs, state.stepStartedAtMs);
    delete state.clockStoppedAtMs;
  }

  /** Now, also where a replay's clock is behind what has happened (workflows/watching.ts). Nothing is decided by it here. */
  get nowMs(): number {
    return Math.max(Date.now(), this.state.lookedAtMs ?? 0);
  }

  /** When a step's own time is over; pauses and holds for drift do not count. */
  timeUp(withinMs: number): number {
    return this.state.stepStartedAtMs + this.state.stepPausedMs + withinMs;
  }

  /** The phase as it follows from the state; only rollback and the end are set by hand. */
  get phase(): Phase {
    if (this.fixedPhase !== null) return this.fixedPhase;
    if (this.state.before === null) return 'preflight';
    if (holdOf(this.state) !== null) return 'held';
    if (this.state.paused !== null) return 'paused';
    return this.step === undefined ? 'finished' : phaseOf(this.step);
  }

  status(): RolloutStatus {
    return statusOf(this.plan, this.state, this.phase, this.outcome);
  }

  /** It is promoted whatever comes now: who asks for anything else is told so. */
  conclude(): void {
    this.fixedPhase = 'finished';
  }

  enter(phase: 'rolling-back' | 'finished', outcome?: Outcome): void {
    this.fixedPhase = phase;
    if (outcome !== undefined) this.outcome = outcome;
    this.show();
  }

  /**
   * Brings the UI up to date, to be called before something is waited for. Search attributes cost an event in the history
   * and a write to the list of all rollouts, so they change with the phase and the share only, and both at once: a step
   * that begins with a write shows the share that it writes.
   */
  show(traffic: Traffic | null = this.state.expected): void {
    setCurrentDetails(currentDetails(this.status()));
    const phase = this.phase;
    const hold = phase === 'held' ? holdOf(this.state) : null;
    if (hold !== null && isNews(hold, this.shownHold)) {
      events.held({ ...this.name, kind: hold.kind });
      // Where gates could not decide, a person is asked: that is told as such.
      if (hold.kind !== 'undecided') this.tell('held', hold.because);
    }
    // Where a person is waited for already, for days perhaps, their hold is the one that is shown.
    const { blind } = this.state;
    const isBeside = hold !== null && blind !== null && hold.kind !== 'blind';
    if (isBeside && isNews(blind, this.shownBlind) && this.patches.tellsUnseen) {
      this.tell('held', blind.because);
    }
    this.shownHold = hold;
    this.shownBlind = blind;
    this.askIfNeeded();
    const share = traffic === null ? 0 : shareOf(traffic.live, this.green);
    const key = shownKey(phase, share, this.outcome);
    if (key === this.shownKey) return;
    this.shownKey = key;
    upsertSearchAttributes([
      { key: phaseAttribute, value: phase },
      { key: greenShareAttribute, value: share },
      ...(this.outcome === null ? [] : [{ key: outcomeAttribute, value: this.outcome }]),
    ]);
  }

  /** Whether a person may say yes or no now. */
  get asksForApproval(): boolean {
    return this.outcome === null && (this.state.hold?.kind === 'undecided' || this.step?.kind === 'approve');
  }

  /** Opens a question where a person is asked, and tells; closes it where nobody is asked any more. */
  private askIfNeeded(): void {
    const { hold, before, approval } = this.state;
    const open = before !== null && this.fixedPhase === null && approval === null && this.asksForApproval;
    if (!open) {
      if (this.state.ask) this.state.ask = null;
      return;
    }
    if (this.state.ask || hold?.kind === 'drift') return;
    const { step } = this;
    const untilMs = hold === null && step?.kind === 'approve' ? this.timeUp(step.withinMs) : null;
    this.state.ask = { id: uuid4(), untilMs };
    this.tell('approval-wanted', hold?.because ?? 'a person is asked before it goes on');
  }

  /** Tells whoever wants to know of such an event. */
  tell(event: NotifyEvent, text: string): void {
    const { workflowId } = workflowInfo();
    const status = this.status();
    const label = status.stepLabels[status.stepIndex];
    this.telling.tell(event, (sequence) => ({
      v: 1,
      id: `${this.rolloutId}-${sequence}`,
      sequence,
      event,
      atMs: Date.now(),
      rolloutId: this.rolloutId,
      workflowId,
      ...this.name,
      baseline: status.baseline,
      green: status.green,
      digest: this.plan.digest,
      phase: status.phase,
      step: label === undefined ? '' : `${status.stepIndex + 1} of ${status.stepLabels.length}: ${label}`,
      traffic: status.traffic,
      text,
      next: status.outcome === null ? status.next : '',
      actionsNow: status.actionsNow,
      ask: event === 'approval-wanted' ? (this.state.ask ?? null) : null,
    }));
  }

  /** Registers how to take a change back; to be called before the change is made. */
  willUndo(undo: Undo): void {
    this.state.undos = registerUndo(this.state.undos, undo);
  }

  /** Registers that all traffic goes back to what it was, also where somebody else gives green its first share. */
  willGiveTrafficBack(): void {
    const { before } = this.state;
    if (before !== null) this.willUndo({ kind: 'restore-traffic', traffic: before });
  }

  /** @param scaled - what a look finds scaled down. */
  willRescale(scaled: readonly Scaled[]): void {
    this.state.undos = rescaled(this.state.undos, this.baselineIn(scaled));
  }

  /** The baseline, where it is among those that someone else scaled. */
  baselineIn(scaled: readonly Scaled[]): Scaled | undefined {
    return scaled.find(({ deployment }) => deployment === this.state.baseline);
  }

  /** The baseline's instances are there, and were seen to answer. */
  forgetInstances(): void {
    this.state.undos = answered(this.state.undos);
  }

  knowInstances(instances: Readonly<Record<string, number>>): void {
    this.state.instances = { ...this.state.instances, ...instances };
  }

  /** What the endpoint shows from now on, if nobody else touches it. */
  willShow(traffic: Traffic): void {
    this.state.expected = traffic;
  }

  record(result: string, stopped = false): void {
    const step = this.step;
    if (step === undefined) return;
    const done: StepRecord = {
      label: stepLabel(step),
      stopped,
      startedAtMs: this.state.stepStartedAtMs,
      endedAtMs: this.nowMs,
      result,
      evidence: this.state.evidence,
    };
    this.state.steps = [...this.state.steps, done];
    const durationMs = done.endedAtMs - done.startedAtMs;
    events.stepEnded({ ...this.name, phase: phaseOf(step), durationMs, stopped });
    this.tell('step-ended', `${done.label}: ${result}`);
  }

  note(text: string): void {
    this.state.notes = [...this.state.notes, text];
  }

  report(outcome: Outcome, reason: string, extra?: Partial<RolloutReport>): RolloutReport {
    // What a regression did to the counts looks like noise: only a version that was good tells of the endpoint.
    const learned = outcome === 'promoted' ? learnedDispersion(this.state.memory) : undefined;
    return {
      outcome,
      endpoint: this.plan.endpoint,
      target: targetName(this.plan.target),
      baseline: this.state.baseline,
      green: this.green,
      reason,
      startedAtMs: this.state.startedAtMs,
      endedAtMs: Date.now(),
      rollbackMs: null,
      steps: this.state.steps,
      actions: this.state.actions,
      notes: this.state.notes,
      dispersion: learned ?? this.plan.carriedDispersion ?? {},
      left: [],
      ...extra,
    };
  }

  /** Unique over continue-as-new, and the same for every attempt of an activity. */
  get rolloutId(): string {
    return workflowInfo().firstExecutionRunId;
  }
}

function planChannels(plan: Plan): readonly ChannelRef[] {
  return (plan.notify ?? []).map((channel) => ({ from: 'plan', channel }));
}

function learnedDispersion(memory: RunState['memory']): Readonly<Record<string, number>> | undefined {
  return memory?.setup && memory.state ? carryOver(memory.setup.config, memory.state) : undefined;
}

const shownKey = (phase: Phase, share: number, outcome: Outcome | null): string =>
  `${phase} ${share} ${outcome ?? ''}`;

/** What the one who started this run, or the run before it, has shown already. */
function shownAtStart(): string {
  const { typedSearchAttributes: shown } = workflowInfo();
  const phase = shown.get(phaseAttribute) as Phase | undefined;
  return phase === undefined ? '' : shownKey(phase, shown.get(greenShareAttribute) ?? 0, null);
}
