import type { Scaled } from './drift.js';
import { registerUndo, type RestoreInstances, type Undo } from './undo.js';

/** What the baseline gets back when the rollout is taken back. */
export function missedIn(undos: readonly Undo[]): RestoreInstances | undefined {
  return undos.find((undo) => undo.kind === 'restore-instances');
}

/**
 * The same, where it stays when the baseline has it by name again: a look tells how many instances are wanted, and not that
 * one answers where there was none, or all where a restore failed.
 */
export function owedIn(undos: readonly Undo[]): RestoreInstances | undefined {
  const missed = missedIn(undos);
  return missed?.first === true || missed?.unrestored === true ? missed : undefined;
}

/**
 * A baseline with fewer instances than it had gets them back when the rollout is taken back. One that is owed them stays to
 * get them, whatever is wanted by now.
 *
 * @param found - the baseline, where somebody has scaled it down.
 */
export function rescaled(undos: readonly Undo[], found: Scaled | undefined): readonly Undo[] {
  const owed = owedIn(undos);
  if (found === undefined) return owed === undefined ? answered(undos) : undos;
  const { deployment, from: instances, to } = found;
  const first = to === 0 || owed?.first === true;
  return registerUndo(answered(undos), { ...owed, kind: 'restore-instances', deployment, instances, first });
}

/** They are there, and were seen to answer. */
export function answered(undos: readonly Undo[]): readonly Undo[] {
  return undos.filter(({ kind }) => kind !== 'restore-instances');
}

/** Nobody misses more than so many any more. That one of them answers, where none did, is still to be seen. */
export function settledFor(undos: readonly Undo[], instances: number): readonly Undo[] {
  return undos.flatMap((undo) => {
    if (undo.kind !== 'restore-instances') return undo;
    return undo.first ? { ...undo, instances } : [];
  });
}

/** A restore could not give the baseline its instances. */
export function unrestored(undos: readonly Undo[]): readonly Undo[] {
  return undos.map((undo) => (undo.kind === 'restore-instances' ? { ...undo, unrestored: true } : undo));
}
