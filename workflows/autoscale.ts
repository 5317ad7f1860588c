import type { ActivityOptions } from '@temporalio/workflow';

import { heldMinimum } from '../core/autoscale.js';
import type { RestoreMinimum } from '../core/undo.js';
import { forward } from './forward.js';
import { readAutoscale, setMinimum, WRITE_WITHIN_MS } from './proxies.js';
import type { Run } from './run.js';
import { asStop } from './stop.js';
import { takenUpWithin, untilTakenUp } from './taken-up.js';

/** An autoscaler that holds some instances already is asked for no longer: green serves, and is not looked at meanwhile. */
const AGAIN = { scheduleToCloseTimeout: '30s' } as const;

/**
 * Before the baseline loses traffic: its autoscaler keeps the instances that it has by now, so that a rollback meets them.
 * Its undo is registered first.
 *
 * @throws {Stop} when a person has aborted or rejected meanwhile.
 */
export async function holdMinimum(run: Run): Promise<void> {
  if (run.state.autoscaled !== true) return;
  const [held] = heldMinimums(run);
  if (held === undefined) return hold(run);
  if (!run.patches.holdsAgain) return;
  try {
    await hold(run, AGAIN);
  } catch (err) {
    if (asStop(err).outcome === 'aborted') throw err; // also by cancelling the workflow
    run.note(
      `the autoscaler of ${held.deployment} may keep ${held.minimum.from} instances still, and no more: ${asStop(err).message}`,
    );
  }
}

async function hold(run: Run, patience: ActivityOptions = {}): Promise<void> {
  const deployment = run.state.baseline;
  const now = await forward(run, () =>
    readAutoscale.executeWithOptions({ ...patience, summary: `read the autoscaler of ${deployment}` }, [
      { ...run.endpoint, deployment },
    ]),
  );
  const minimum = now === null ? null : heldMinimum(now);
  if (minimum === null) return;
  const held = heldMinimums(run);
  // Another number than the rollout's is somebody else's: it stays.
  if (held.length > 0 && !held.some(({ minimum: { from } }) => from === minimum.from)) return;
  const to = held[0]?.minimum.to ?? minimum.from;
  run.willUndo({ kind: 'restore-minimum', deployment, minimum: { from: minimum.to, to } });
  const summary = `hold ${deployment} at ${minimum.to} instances or more`;
  await forward(run, () =>
    setMinimum.executeWithOptions({ ...patience, summary }, [{ ...run.endpoint, deployment, minimum }]),
  );
  // What it was held at before, it is no more.
  run.state.undos = run.state.undos.filter(
    (undo) => undo.kind !== 'restore-minimum' || undo.minimum.from === minimum.to,
  );
}

/** More than one where it is not known which of them it is held at. */
function heldMinimums({ state }: Run): readonly RestoreMinimum[] {
  return state.undos.filter((undo) => undo.kind === 'restore-minimum');
}

/**
 * Before the baseline goes, or once it only stands by: its autoscaler counts as it did before.
 *
 * @throws {Stop} when a person has aborted or rejected meanwhile; the undo stands, and the rollback comes to it.
 */
export async function releaseMinimum(run: Run): Promise<void> {
  for (const undo of heldMinimums(run)) {
    const { deployment, minimum } = undo;
    const summary = `let ${deployment} go down to ${minimum.to} instances`;
    try {
      const options = { summary, ...takenUpWithin(WRITE_WITHIN_MS) };
      const input = { ...run.endpoint, deployment, minimum };
      await untilTakenUp(run, () => forward(run, () => setMinimum.executeWithOptions(options, [input])));
    } catch (err) {
      if (asStop(err).outcome === 'aborted') throw err; // also by cancelling the workflow: the undo stands
      // Too many idle instances cost money, not clients.
      run.note(
        `the autoscaler of ${deployment} still keeps ${minimum.from} instances or more, it kept ${minimum.to} before: ${asStop(err).message}`,
      );
      // Nor would the others be taken.
      run.state.undos = run.state.undos.filter(({ kind }) => kind !== 'restore-minimum');
      return;
    }
    run.state.undos = run.state.undos.filter((one) => one !== undo);
  }
}
