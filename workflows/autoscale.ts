import { heldMinimum } from '../core/autoscale.js';
import { forward } from './forward.js';
import { readAutoscale, setMinimum } from './proxies.js';
import type { Run } from './run.js';
import { asStop } from './stop.js';

/**
 * Before the baseline loses traffic: its autoscaler keeps the instances that it has, so that a rollback meets them. Its
 * undo is registered first.
 *
 * @throws {Stop} when a person has aborted or rejected meanwhile.
 */
export async function holdMinimum(run: Run): Promise<void> {
  if (run.state.autoscaled !== true) return;
  const deployment = run.state.baseline;
  if (run.state.undos.some((undo) => undo.kind === 'restore-minimum')) return;
  const now = await forward(run, () =>
    readAutoscale.executeWithOptions({ summary: `read the autoscaler of ${deployment}` }, [
      { ...run.endpoint, deployment },
    ]),
  );
  const minimum = now === null ? null : heldMinimum(now);
  if (minimum === null) return;
  run.willUndo({ kind: 'restore-minimum', deployment, minimum: { from: minimum.to, to: minimum.from } });
  const summary = `hold ${deployment} at ${minimum.to} instances or more`;
  await forward(run, () =>
    setMinimum.executeWithOptions({ summary }, [{ ...run.endpoint, deployment, minimum }]),
  );
}

/**
 * Before the baseline goes, or once it only stands by: its autoscaler counts as it did before.
 *
 * @throws {Stop} when a person has aborted or rejected meanwhile; the undo stands, and the rollback comes to it.
 */
export async function releaseMinimum(run: Run): Promise<void> {
  const undo = run.state.undos.find((one) => one.kind === 'restore-minimum');
  if (undo?.kind !== 'restore-minimum') return;
  const { deployment, minimum } = undo;
  const summary = `let ${deployment} go down to ${minimum.to} instances`;
  try {
    await forward(run, () =>
      setMinimum.executeWithOptions({ summary }, [{ ...run.endpoint, deployment, minimum }]),
    );
  } catch (err) {
    if (asStop(err).outcome === 'aborted') throw err; // also by cancelling the workflow: the undo stands
    // Too many idle instances cost money, not clients.
    run.note(
      `the autoscaler of ${deployment} still keeps ${minimum.from} instances or more, it kept ${minimum.to} before: ${asStop(err).message}`,
    );
  }
  run.state.undos = run.state.undos.filter((one) => one !== undo);
}
