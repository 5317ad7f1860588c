import type { DecisionRecord, RecordedWindow } from '../../core/decision-record.js';
import type { RecordedArm, RecordedLook } from '../../core/gates/index.js';
import type { Gate } from '../../core/plan.js';
import type { RolloutReport, StepRecord } from '../../core/run.js';
import type { GateEvidence } from '../../core/watch.js';
import type { ReportData } from '../../report/index.js';
import {
  errorsGate,
  planOf,
  rampStep,
  slowGate,
  CREATE,
  CUTOVER,
  bakeStep,
  mirrorStep,
} from '../support/plans.js';

/** 14:02:00 UTC. */
export const START_MS = Date.UTC(2026, 10, 21, 14, 2, 0);
const EDGES_MS = [5, 10, 20, 40, 60, 80, 100, 150, 250, 500, 1000];

const MINUTE_MS = 60_000;
/** Requests of an arm by bucket, of a hundred. */
const SHAPE = [0, 2, 8, 30, 30, 15, 8, 4, 2, 1, 0, 0];

/** Numbers that look random and are the same in every run. */
function wobble(i: number): number {
  return Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1;
}

function arm(requests: number, errorShare: number, slower: number, i: number): RecordedArm {
  const buckets = SHAPE.map((share, bucket): [number, number] => [
    Math.min(SHAPE.length - 1, bucket + slower),
    Math.round((requests * share * (0.8 + 0.4 * wobble(i * 31 + bucket))) / 100),
  ]).filter(([, count]) => count > 0);
  const n = buckets.reduce((sum, [, count]) => sum + count, 0);
  return {
    n,
    errors: Math.min(n, Math.round(n * errorShare * 2 * wobble(i))),
    status: 'ok',
    buckets,
    timed: true,
  };
}

export function looksOf(
  count: number,
  greenShare: number,
  more: { errors?: number; slower?: number } = {},
): RecordedLook[] {
  return Array.from({ length: count }, (_, i) => ({
    dtSec: 10,
    blue: arm(2000 * (1 - greenShare) + 1, 0.004, 0, i + 7),
    green: arm(2000 * greenShare, more.errors ?? 0.004, more.slower ?? 0, i + 1001),
  }));
}

export function evidenceOf(gate: string, more: Partial<GateEvidence> = {}): GateEvidence {
  return {
    gate,
    role: 'required',
    standing: 'proven',
    counts: 'errors',
    limit: 'at most 2 pp more than blue',
    green: { bad: 31, requests: 9120 },
    blue: { bad: 101, requests: 27_350 },
    r: 1,
    delta: 0.02,
    lower: -0.0042,
    upper: 0.0071,
    lnBreach: 0,
    lnPass: 3.2,
    towardBreach: 0.04,
    towardPass: 1,
    phi: 1,
    shared: false,
    ...more,
  };
}

export function windowOf(
  more: Partial<RecordedWindow> & Pick<RecordedWindow, 'stepIndex' | 'label' | 'looks'>,
): RecordedWindow {
  const startedAtMs = more.startedAtMs ?? START_MS;
  return {
    startedAtMs,
    endedAtMs: startedAtMs + more.looks.length * 10_000,
    traffic: { live: { blue: 90, green: 10 }, mirror: {} },
    mode: 'judge',
    alone: false,
    active: ['errors', 'slow'],
    dwell: { atLeastMs: 2 * MINUTE_MS, atMostMs: 30 * MINUTE_MS },
    verdict: 'pass',
    sentence: 'errors proven; slow proven',
    evidence: [
      evidenceOf('errors'),
      evidenceOf('slow', { limit: 'p95 at most 250 ms', counts: 'slower than 250 ms', r: 0, delta: 0.05 }),
    ],
    edgesMs: EDGES_MS,
    ...more,
  };
}

const SLOW: Gate = { ...slowGate, limit: { kind: 'at-most', ms: 250 } } as Gate;
const SLOWER: Gate = {
  ...slowGate,
  name: 'slower',
  role: 'guard',
  limit: { kind: 'slower-by', ratio: 1.2 },
} as Gate;
const PLAN = planOf(
  'diabetes',
  [CREATE, mirrorStep(10), rampStep(10), rampStep(50), CUTOVER, bakeStep(10 * MINUTE_MS)],
  {
    gates: [errorsGate, SLOW, SLOWER],
  },
);

/** A rollout that mirrored, ramped to 10 %, and went back in its second ramp. */
export function rolledBack(looks = 60): ReportData {
  const perStep = Math.ceil(looks / 3);
  const longMs = perStep * 10_000;
  const at = (step: number): number => START_MS + 20_000 + step * longMs;
  const reason =
    'green answered 412 of 8,033 with an error, blue 30 of 8,120; a healthy green (at most 2 pp more than blue) does worse than this less than once in 100,000 (gate errors)';
  const windows = [
    windowOf({
      stepIndex: 1,
      label: 'mirror 10 %',
      startedAtMs: at(0),
      traffic: { live: { blue: 100 }, mirror: { green: 10 } },
      looks: looksOf(perStep, 0.1),
    }),
    windowOf({ stepIndex: 2, label: 'ramp 10 %', startedAtMs: at(1), looks: looksOf(perStep, 0.1) }),
    windowOf({
      stepIndex: 3,
      label: 'ramp 50 %',
      startedAtMs: at(2),
      traffic: { live: { blue: 50, green: 50 }, mirror: {} },
      looks: looksOf(perStep, 0.5, { errors: 0.05, slower: 1 }),
      verdict: 'breach',
      sentence: reason,
      evidence: [
        evidenceOf('errors', {
          standing: 'breach',
          green: { bad: 412, requests: 8033 },
          blue: { bad: 30, requests: 8120 },
          lower: 0.031,
          upper: 0.062,
          towardBreach: 1,
          towardPass: 0,
        }),
        evidenceOf('slow', {
          limit: 'p95 at most 250 ms',
          counts: 'slower than 250 ms',
          r: 0,
          delta: 0.05,
          standing: 'open',
          towardPass: 0.4,
        }),
      ],
    }),
  ];
  const step = (label: string, from: number, to: number, result: string, stopped = false): StepRecord => ({
    label,
    stopped,
    startedAtMs: from,
    endedAtMs: to,
    result,
    evidence: [],
  });
  const report: RolloutReport = {
    outcome: 'rolled-back',
    endpoint: 'diabetes',
    target: 'host/local',
    baseline: 'blue',
    green: 'green',
    reason,
    startedAtMs: START_MS,
    endedAtMs: at(3) + 9_000,
    rollbackMs: 1_840,
    steps: [
      step('create', START_MS, at(0), 'green is ready'),
      step('mirror 10 %', at(0), at(1), 'errors proven; slow proven'),
      step('ramp 10 %', at(1), at(2), 'errors proven; slow proven'),
      step('ramp 50 %', at(2), at(3), reason, true),
    ],
    actions: [
      { kind: 'pause', by: 'ada', reason: 'an incident <elsewhere> & "here"', atMs: at(1) + longMs / 3 },
      { kind: 'resume', by: 'ada', reason: '', atMs: at(1) + longMs / 2 },
    ],
    notes: [],
    dispersion: {},
    left: [],
  };
  return dataOf(windows, { ending: { kind: 'report', report }, endedAtMs: report.endedAtMs });
}

export function dataOf(
  windows: readonly RecordedWindow[],
  more: Partial<ReportData> & Pick<ReportData, 'ending'>,
): ReportData {
  const record: DecisionRecord = { v: 1, plan: PLAN, baseline: 'blue', windows };
  return {
    record,
    planText: 'Rollout of diabetes: blue → green',
    target: 'host/local',
    workflowId: 'rollout/host/local/diabetes',
    runId: '0199-run',
    uiLink: 'http://127.0.0.1:8233/namespaces/default/workflows/x/y/history',
    startedAtMs: START_MS,
    endedAtMs: null,
    nowMs: START_MS + 3_600_000,
    ...more,
  };
}
