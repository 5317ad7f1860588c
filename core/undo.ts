import type { MinimumChange } from './autoscale.js';
import type { Traffic } from './traffic.js';

/** One thing to take back, as data: it survives continue-as-new and a crash between any two lines. */
export type Undo =
  | { readonly kind: 'restore-traffic'; readonly traffic: Traffic }
  | { readonly kind: 'delete-deployment'; readonly deployment: string }
  /** `minimum.from` is what the rollout holds it at, or may hold it at: one for each of these. */
  | { readonly kind: 'restore-minimum'; readonly deployment: string; readonly minimum: MinimumChange }
  | {
      readonly kind: 'restore-instances';
      readonly deployment: string;
      readonly instances: number;
      /** It had none at all, and no look has seen them answer since: no traffic before one does. */
      readonly first: boolean;
      /** A restore failed: that they are wanted again by now, which is all that a look tells, does not do. */
      readonly unrestored?: boolean;
      /** The rollback has had to ask for them already: that they are wanted by now is its own doing. */
      readonly asked?: boolean;
      /** After all else: nothing waits for them, and nobody asks again. */
      readonly last?: boolean;
    };

export type RestoreInstances = Extract<Undo, { readonly kind: 'restore-instances' }>;

export type RestoreMinimum = Extract<Undo, { readonly kind: 'restore-minimum' }>;

/**
 * Adds an undo, before the change it takes back is made.
 *
 * Undos are absolute, so the first of a kind (and deployment) is the one to return to: a second is not added.
 */
export function registerUndo(undos: readonly Undo[], undo: Undo): readonly Undo[] {
  const known = undos.some((u) => sameThing(u, undo));
  return known ? undos : [...undos, undo];
}

/**
 * The order of rollback: traffic first, so that clients are safe, then the rest, newest first. Only what has no instance
 * left gets them back before its traffic.
 */
export function unwindOrder(undos: readonly Undo[]): readonly Undo[] {
  const newestFirst = [...undos].reverse();
  return [
    ...newestFirst.filter(isFirst),
    ...newestFirst.filter((u) => u.kind === 'restore-traffic'),
    ...newestFirst.filter((u) => u.kind !== 'restore-traffic' && !isFirst(u)),
  ];
}

function isFirst(undo: Undo): boolean {
  return undo.kind === 'restore-instances' && undo.first;
}

function sameThing(a: Undo, b: Undo): boolean {
  if (a.kind === 'restore-traffic' || b.kind === 'restore-traffic') return a.kind === b.kind;
  if (a.kind === 'restore-minimum' && b.kind === 'restore-minimum' && a.minimum.from !== b.minimum.from) {
    return false;
  }
  return a.kind === b.kind && a.deployment === b.deployment;
}
