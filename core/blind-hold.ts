import type { BlindHold, Hold, Unseen } from './run.js';
import type { WatchResult } from './watch.js';

/** What a rollout says that it cannot see. */
export function unseenIn(hold: Hold | null): readonly Unseen[] {
  if (hold?.kind !== 'blind') return [];
  return hold.unseen ?? ['metrics'];
}

/** Whether people who were told of one hold are to be told of the other: it is of another kind, or more is not seen. */
export function isNews(hold: Hold, told: Hold | null): boolean {
  if (hold.kind !== 'blind') return hold.kind !== told?.kind;
  const known = unseenIn(told);
  return unseenIn(hold).some((unseen) => !known.includes(unseen));
}

/**
 * What a window's looks could not see for so long that a person should know; null = they see. As long as that is the same,
 * it stays as it was said.
 */
export function blindHold(
  before: BlindHold | null,
  { blind = null, unread, memory }: Pick<WatchResult, 'blind' | 'unread' | 'memory'>,
  { endpoint, green }: { readonly endpoint: string; readonly green: string },
  nowMs: number,
): BlindHold | null {
  const parts: { readonly unseen: Unseen; readonly sinceMs: number; readonly because: string }[] = [];
  if (blind !== null) {
    const because = `the gates see nothing: ${blind}; nothing is concluded from that`;
    parts.push({ unseen: 'metrics', sinceMs: memory.blindSinceMs ?? nowMs, because });
  }
  if (unread !== undefined) {
    const because = `${endpoint} cannot be read: ${unread}; what others change, and whether ${green} restarts, is not seen, and a rollback may be refused as well`;
    parts.push({ unseen: 'endpoint', sinceMs: memory.unread?.sinceMs ?? nowMs, because });
  }
  const unseen = parts.map((part) => part.unseen);
  if (unseen.length === 0) return null;
  if (before !== null && unseen.join() === unseenIn(before).join()) return before;
  return {
    kind: 'blind',
    sinceMs: Math.min(...parts.map(({ sinceMs }) => sinceMs)),
    because: parts.map(({ because }) => because).join('; and '),
    unseen,
  };
}
