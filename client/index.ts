/**
 * Greenlight as a library: `import { Greenlight } from 'greenlight'`. What this file exports is public; docs/library.md
 * tells how to use it.
 */
export { Greenlight, type GreenlightOptions, type RolloutChoice } from './greenlight.js';
export { Rollout, type Act } from './rollout.js';
export type { ActName } from './send-action.js';
export { GreenlightError, type ErrorCode } from './errors.js';
export { SpecError, type SubmitOptions } from './submit.js';
export type { NamedTemporal } from './temporal.js';
export type { RolloutChange, RolloutEvent } from './events.js';
export type { Ended } from './find.js';
export type { ListedRollout, ListOptions } from './list.js';
export type { Ending } from '../report/index.js';
export { loadSpec, renderPlan, type Loaded, type Problem } from '../spec/index.js';
export { targetName, type Plan, type Target } from '../core/plan.js';
export type { ResolveDriftInput, Retrying, RolloutStatus } from '../core/messages.js';
export type { HumanAction, Phase, RolloutReport, StepRecord } from '../core/run.js';
export type { Outcome } from '../core/failures.js';
export type { DecisionRecord, RecordedWindow } from '../core/decision-record.js';
export type { GateEvidence } from '../core/watch.js';
export type { Traffic } from '../core/traffic.js';
