import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';

import type { NotScaledDetails } from '../core/activities.js';
import { endpointArgument } from '../core/command-text.js';
import { ROLLBACK_DRAIN_MS } from '../core/drain.js';
import type { Scaled } from '../core/drift.js';
import { FailureType, type Outcome } from '../core/failures.js';
import { missedIn } from '../core/instances-owed.js';
import { nextPatience, patienceOf } from '../core/patience.js';
import { sameTraffic, trafficText } from '../core/traffic.js';
import { unwindOrder, type Undo } from '../core/undo.js';
import { tellEnd } from './events.js';
import { applicationFailure, driftOf, ranOut, reasonOf, type Stop } from './stop.js';
import { INSTANCES_WITHIN_MS } from './drift.js';
import { deleteDeployment, scaleDeployment, setMinimum, setTraffic } from './proxies.js';
import type { Run } from './run.js';
import { takenUpWithin } from './taken-up.js';

const FAILURE_OF = {
  'rolled-back': FailureType.RolledBack,
  aborted: FailureType.Aborted,
  rejected: FailureType.Rejected,
} as const;

/**
 * Takes everything back, traffic first, and reads it back. Runs to its end whatever else happens: neither an abort nor
 * a cancellation reaches it.
 *
 * @returns the failure that the workflow ends with.
 */
export async function rollBack(run: Run, stop: Stop): Promise<ApplicationFailure> {
  const startedAtMs = Date.now();
  run.state.verdict = stop.message;
  if (run.state.before !== null) run.record(stop.message, true);
  const undos = [...unwindOrder(run.state.undos)];
  const left: string[] = [];
  let rollbackMs: number | null = null;
  if (undos.length > 0) {
    await CancellationScope.nonCancellable(async () => {
      run.enter('rolling-back');
      run.tell('rolling-back', stop.message);
      let greenServes: string | null = null;
      let trafficWaited = false;
      const stay = new Set<Undo['kind']>();
      const leave = ({ kind }: Undo, text: string): void => {
        left.push(text);
        stay.add(kind);
      };
      for (let undo = undos.shift(); undo !== undefined; undo = undos.shift()) {
        // There may be two minima where it is not known which it is held at, and instances that could not be given back are
        // missed by the traffic, too: who does not take one takes no other.
        if (stay.has(undo.kind)) continue;
        if (greenServes !== null && needsBaseline(run, undo)) {
          if (isTheirs(run, undo)) noteTheirs(run, undo.deployment);
          else leave(undo, `${leftText(run, undo)} (${greenServes})`);
          continue;
        }
        const failed = await takeBack(run, undo, undos);
        if (failed === null) {
          if (undo.kind === 'restore-traffic') rollbackMs = Date.now() - startedAtMs;
          continue;
        }
        // Once: what somebody takes away again and again is theirs to say.
        if (undo.kind === 'restore-traffic' && !trafficWaited && instancesFirst(run, undos, failed)) {
          trafficWaited = true;
          undos.splice(1, 0, undo);
          continue;
        }
        leave(undo, failed.text);
        greenServes ??= whyGreenServes(run, undo, failed);
      }
    });
  }
  const outcome: Outcome = left.length > 0 ? 'rollback-incomplete' : stop.outcome;
  run.enter('finished', outcome);
  const report = run.report(outcome, stop.message, { rollbackMs, left });
  tellEnd(run, report);
  const message =
    left.length > 0
      ? `Rollback of ${run.plan.endpoint} is incomplete; left to do: ${left.join('; ')}. It rolled back because: ${stop.message}`
      : `${run.plan.endpoint} ${endText(run, stop, rollbackMs !== null)}: ${stop.message}`;
  const failure = ApplicationFailure.create({
    type: left.length > 0 ? FailureType.RollbackIncomplete : FAILURE_OF[stop.outcome],
    message,
    details: [report],
    nonRetryable: true,
  });
  // An outcome and no fault of the code: where it was made helps nobody who reads it in the UI.
  failure.stack = '';
  return failure;
}

/** @param readBack - whether its traffic was given back, and was seen to be as before. */
function endText({ state: { before, undos } }: Run, stop: Stop, readBack: boolean): string {
  if (stop.outcome === 'rejected') return 'was not touched';
  if (undos.length === 0 || before === null) return 'was not changed';
  return readBack ? `is back at ${trafficText(before)} (read back)` : 'keeps its traffic';
}

/** Clients suffer meanwhile: asked again sooner than what goes forward, and never left alone for long. */
const RETRY = { initialInterval: '500ms', backoffCoefficient: 1.5, maximumInterval: '3s' } as const;

/** What could not be taken back. */
interface Failed {
  /** What is left to do, in words. */
  readonly text: string;
  readonly error: unknown;
}

/** What takes green out of service, or away, and what lets the baseline shrink: not before the baseline serves. */
function needsBaseline({ plan }: Run, { kind }: Undo): boolean {
  if (kind === 'delete-deployment') return plan.afterRollback !== 'keep-green';
  return kind === 'restore-traffic' || kind === 'restore-minimum';
}

/**
 * Why green has to go on serving, whatever it was rolled back for: the baseline has nobody who could answer, or is not
 * known to have its traffic. null: it need not.
 */
function whyGreenServes(run: Run, undo: Undo, { error }: Failed): string | null {
  if (undo.kind === 'restore-traffic') return `not before ${run.state.baseline} has its traffic`;
  if (undo.kind !== 'restore-instances' || !undo.first || answering(error) > 0) return null;
  return `not before ${undo.deployment} has an instance that answers`;
}

/** Instances that answer, as the last attempt read it; 0 where none did. */
function answering(error: unknown): number {
  const details = applicationFailure(error)?.details?.[0] as NotScaledDetails | undefined;
  return details?.ready ?? 0;
}

/** A baseline that has one instance that answers gets its traffic once the others had so long; nor does green stay longer for them. */
const SOME_AFTER_MS = 15_000;

/**
 * Time without a worker does not count: what nobody was there to ask for is asked for by the next one.
 *
 * @param undos - what comes after it; takes what is found to be taken back, too.
 * @returns null when it is done and read back.
 */
async function takeBack(run: Run, undo: Undo, undos: Undo[]): Promise<Failed | null> {
  // The traffic alone is what clients wait for; and what else is cut short would begin anew.
  let patience = patienceOf(run.plan.rollbackWithinMs, undo.kind === 'restore-traffic');
  for (;;) {
    try {
      await tryFor(patience.ms, run, undo, undos);
      return null;
    } catch (err) {
      const how = ranOut(err);
      const next = how === null ? null : nextPatience(patience, how);
      if (next === null || !run.patches.asksAgain) {
        return { text: `${leftText(run, undo)} (${reasonOf(err)})`, error: err };
      }
      patience = next;
      tellWait(run, `the rollback has had to wait to ${undoText(run, undo)} (${reasonOf(err)})`);
    }
  }
}

/** Once for each reason: there may be none for as long as no worker has room. */
function tellWait(run: Run, text: string): void {
  if (run.state.notes.includes(text)) return;
  run.note(text);
  run.tell('rolling-back', text);
}

/** @throws {ActivityFailure} where it could not be done, or not be proven. */
async function tryFor(withinMs: number, run: Run, undo: Undo, undos: Undo[]): Promise<void> {
  const patience = { ...takenUpWithin(withinMs), retry: RETRY };
  switch (undo.kind) {
    case 'restore-traffic': {
      const { traffic: to } = undo;
      const { unsettled = false, instances } = run.state;
      const result = await setTraffic.executeWithOptions(
        { ...patience, summary: `roll back traffic: ${trafficText(to)}` },
        [{ ...run.endpoint, from: null, to, instances, ...(unsettled ? { unsettled } : {}) }],
      );
      const found = result?.found ?? to;
      if (!unsettled && !sameTraffic(found, to) && !sameTraffic(found, run.expected)) {
        run.note(`somebody else had made the traffic ${trafficText(found)}: the rollback has overwritten it`);
      }
      instancesNext(run, undos, result?.scaled ?? []);
      run.willShow(to);
      run.show();
      return;
    }
    case 'restore-instances': {
      const { deployment, instances, first, last = false } = undo;
      const someAfterMs = Math.min(SOME_AFTER_MS, withinMs / 4);
      const result = await scaleDeployment.executeWithOptions(
        { ...patience, summary: `roll back: ${deployment} to ${instances} instances` },
        // Before its time is over it is to say how many it got: the traffic may depend on that.
        [
          {
            ...run.endpoint,
            deployment,
            instances,
            readyWithinMs: Math.min(INSTANCES_WITHIN_MS, withinMs / 2),
            // There may be no room for them while green is there.
            ...(last ? {} : { someAfterMs, least: first ? 1 : 0 }),
          },
        ],
      );
      const lacked = undo.asked === true || !result?.there;
      // What the traffic does not wait for comes after all else.
      if (result && result.missing > 0) undos.push({ ...undo, first: false, asked: lacked, last: true });
      else if (lacked)
        run.note(`${deployment} got its ${instances} instances back: someone else had scaled it down`);
      return;
    }
    case 'delete-deployment': {
      if (run.plan.afterRollback === 'keep-green') return;
      const result = await deleteDeployment.executeWithOptions(
        { ...patience, summary: `roll back: delete ${undo.deployment}` },
        [
          {
            ...run.endpoint,
            deployment: undo.deployment,
            madeBy: run.rolloutId,
            drainWithinMs: ROLLBACK_DRAIN_MS,
          },
        ],
      );
      if (result?.another === true) noteTheirs(run, undo.deployment);
      return;
    }
    case 'restore-minimum':
      await setMinimum.executeWithOptions(
        {
          ...patience,
          summary: `roll back: ${undo.deployment} may go down to ${undo.minimum.to} instances`,
        },
        [{ ...run.endpoint, deployment: undo.deployment, minimum: undo.minimum, goesBack: true }],
      );
      return;
    default:
      return undo satisfies never;
  }
}

/** Whether the traffic was not given back since somebody has scaled the baseline to nothing: its instances come before it then. */
function instancesFirst(run: Run, undos: Undo[], { error }: Failed): boolean {
  const { scaled = [] } = driftOf(error, run.state.instances) ?? {};
  return instancesNext(run, undos, scaled);
}

/**
 * What no look has missed, and the rollback does: the baseline gets it back before all else.
 *
 * @returns whether it misses any.
 */
function instancesNext(run: Run, undos: Undo[], scaled: readonly Scaled[]): boolean {
  if (run.baselineIn(scaled) === undefined || !run.patches.givesBackUnseen) return false;
  run.willRescale(scaled);
  const others = undos.filter(({ kind }) => kind !== 'restore-instances');
  const missed = missedIn(run.state.undos);
  undos.splice(0, undos.length, ...(missed === undefined ? [] : [missed]), ...others);
  return true;
}

/** What is left to do, and by which command where there is one for it. */
function leftText(run: Run, undo: Undo): string {
  const text = undoText(run, undo);
  if (undo.kind !== 'delete-deployment') return text;
  const { hold } = run.state;
  const unsure = hold?.kind === 'drift' && hold.observed === null ? ', if it is still there' : '';
  return `${text}${unsure}: ${deleteCommand(run, undo.deployment)}`;
}

/** Whether the last look found another under the name of what the rollout made: that is nobody's to delete unasked. */
function isTheirs(
  { state: { hold } }: Run,
  undo: Undo,
): undo is Extract<Undo, { kind: 'delete-deployment' }> {
  return undo.kind === 'delete-deployment' && hold?.kind === 'drift' && hold.replaced === undo.deployment;
}

function noteTheirs(run: Run, deployment: string): void {
  run.note(
    `${deployment} of ${run.plan.endpoint} was left alone: what stands there is not what the rollout made. Where nobody needs it: ${deleteCommand(run, deployment)}`,
  );
}

function deleteCommand({ plan, state }: Run, deployment: string): string {
  return `\`greenlight revert ${endpointArgument(plan)} --to ${state.baseline} --delete ${deployment}\``;
}

function undoText({ plan: { endpoint } }: Run, undo: Undo): string {
  switch (undo.kind) {
    case 'restore-traffic':
      return `set the traffic of ${endpoint} to ${trafficText(undo.traffic)}`;
    case 'restore-instances':
      return `scale the deployment ${undo.deployment} of ${endpoint} to ${undo.instances} instances`;
    case 'restore-minimum':
      return `set the fewest instances of ${undo.deployment} of ${endpoint} to ${undo.minimum.to}`;
    case 'delete-deployment':
      return `delete the deployment ${undo.deployment} of ${endpoint}`;
    default:
      return undo satisfies never;
  }
}
