/**
 * Gates: evidence in, verdict out (gates.md). Pure; every state is plain JSON, to be stored between any two calls.
 *
 *   // once, at the first reading; keep setup, state and collector for the rollout
 *   const mapping = mapGates({ gates, watching, plannedMs, edgesMs, baseline });   // ok with setup, or problems in words
 *   // while setup.pending is not empty: the same again with `previous: setup` at later looks; the state goes on
 *   let state = initialState(mapping.setup.config);
 *   let collector = startCollecting(reading, collect options);
 *   // at each step's start
 *   const config = stepConfig(setup.config, { atLeastMs, atMostMs, active });      // cheap: derive it, do not store it
 *   state = beginStep(config, state);
 *   // after cutover, once: ({ setup, state } = convertForBake(setup, state)); then stepConfig, beginStep as ever
 *   // at each look
 *   const got = collect(collector, readingOf(snapshot, arms), options);            // got.look null: nothing to judge yet
 *   const { state: next, result } = advance(config, state, got.look, { mode, hold: holds(got.signals) });
 *   result.decision                                                                // breach > pass > inconclusive
 *   gateEvidence(config, next, result); explain({ config, state: next, result, signals: got.signals, pending, blue, green });
 *   // at the rollout's end: carryOver(setup.config, state) is `carried` of the endpoint's next mapGates
 */
export { convertForBake } from './bake.js';
export { carryOver } from './carry-over.js';
export { checkConfig } from './check.js';
export {
  collect,
  holds,
  startCollecting,
  type Collected,
  type CollectOptions,
  type CollectorState,
  type Signal,
} from './collector.js';
export { readingOf, type Reading } from './counters.js';
export { decide, type Measured } from './decide.js';
export { parseEvalInput } from './eval-input.js';
export { evaluate } from './evaluate.js';
export { plausible } from './events.js';
export { gateEvidence, type GateEvidence } from './evidence.js';
export { explain, signalInWords } from './explain.js';
export { failed, failing } from './failing.js';
export { informationLimit, requestsToBreach, requestsToPass } from './forecast.js';
export { forecastGate, type GateForecast } from './forecast-gate.js';
export {
  forecastPlan,
  type OwnTraffic,
  type PlanForecast,
  type StepForecast,
  type TrafficNow,
} from './forecast-plan.js';
export { advance, beginStep, initialState } from './machine.js';
export { mapGates, plannedBlocks, type MappingInput } from './mapping.js';
export { collectOwn, ownReadings, type OwnCollectors } from './own.js';
export { recordLook, replayLook, type RecordedArm, type RecordedLook } from './record.js';
export type { GateProblem, GateSetup } from './setup.js';
export { expectedPerBlue } from './starved.js';
export { stepConfig } from './step-config.js';
export * from './types.js';
