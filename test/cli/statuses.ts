import type { RolloutStatus } from '../../core/messages.js';
import type { RolloutReport, StepRecord } from '../../core/run.js';
import type { GateEvidence } from '../../core/watch.js';

/** 14:02:00 UTC. */
export const START_MS = Date.UTC(2026, 10, 21, 14, 2, 0);

export const ERRORS: GateEvidence = {
  gate: 'errors',
  role: 'required',
  standing: 'open',
  counts: 'errors',
  limit: 'at most 0.5 pp more than blue',
  green: { bad: 3, requests: 412 },
  blue: { bad: 11, requests: 3690 },
  r: 1,
  delta: 0.005,
  lower: null,
  upper: null,
  lnBreach: 0,
  lnPass: 0,
  towardBreach: 0,
  towardPass: 0,
  phi: 1,
  shared: false,
};

export function statusOf(more: Partial<RolloutStatus> = {}): RolloutStatus {
  return {
    endpoint: 'diabetes',
    target: 'host/local',
    baseline: 'blue',
    green: 'green',
    phase: 'ramping',
    outcome: null,
    startedAtMs: START_MS,
    stepLabels: ['create', 'ramp 10 %', 'approve', 'cutover'],
    stepIndex: 1,
    stepStartedAtMs: START_MS + 12_000,
    traffic: { live: { blue: 90, green: 10 }, mirror: {} },
    verdict: '',
    evidence: [],
    hold: null,
    paused: null,
    next: 'approve, as soon as every required gate is proven',
    actionsNow: ['greenlight pause diabetes --reason …', 'greenlight abort diabetes --reason …'],
    steps: [stepOf('create', 'green is ready', 0, 12_000)],
    actions: [],
    notes: [],
    ...more,
  };
}

export function stepOf(
  label: string,
  result: string,
  fromMs: number,
  toMs: number,
  stopped = false,
): StepRecord {
  return { label, stopped, startedAtMs: START_MS + fromMs, endedAtMs: START_MS + toMs, result, evidence: [] };
}

export function reportOf(more: Partial<RolloutReport> = {}): RolloutReport {
  return {
    outcome: 'promoted',
    endpoint: 'diabetes',
    target: 'host/local',
    baseline: 'blue',
    green: 'green',
    reason: 'diabetes is served by green',
    startedAtMs: START_MS,
    endedAtMs: START_MS + 90_000,
    rollbackMs: null,
    steps: [stepOf('create', 'green is ready', 0, 12_000)],
    actions: [],
    notes: [],
    dispersion: {},
    left: [],
    ...more,
  };
}
