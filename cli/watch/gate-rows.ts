import { badOf, percent, points } from '../../core/gates/words.js';
import type { RolloutStatus } from '../../core/messages.js';
import type { GateEvidence } from '../../core/watch.js';
import type { Tone } from './screen.js';

/** A gate as one person reads it at one instant. */
export interface GateRow {
  readonly name: string;
  readonly standing: string;
  readonly tone: Tone;
  /** `green 3 of 412 (0.73%), blue 11 of 3,690 (0.30%)`. */
  readonly counts: string;
  readonly limit: string;
  /** `-0.42 … 0.71 pp, 2 pp allowed`; empty while nothing is known. */
  readonly bounds: string;
  /** 0 to 1. */
  readonly towardBreach: number;
  /** 0 to 1; null for a guard, which is never proven. */
  readonly towardPass: number | null;
  /** Share of bad requests of green in the newest looks, as blocks; a full one is twice what is usual or allowed. */
  readonly spark: string;
}

/** What the newest looks of a gate counted, oldest first. */
interface GateHistory {
  readonly stepIndex: number;
  readonly bad: number;
  readonly requests: number;
  /** Share of bad requests in each look; null for a look without requests. */
  readonly shares: readonly (number | null)[];
}

export type LookHistory = ReadonlyMap<string, GateHistory>;

/** So many looks the history line shows. */
const LOOKS = 16;

/** Adds a status to the history; unchanged where its look was seen already. Counts begin anew with each step. */
export function addLook(history: LookHistory, { evidence, stepIndex }: RolloutStatus): LookHistory {
  const next = new Map(history);
  for (const { gate, green } of evidence) {
    const last = next.get(gate);
    const same = last?.stepIndex === stepIndex && green.requests >= last.requests && green.bad >= last.bad;
    if (same && green.requests === last.requests) continue;
    const from = same ? last : { bad: 0, requests: 0 };
    const requests = green.requests - from.requests;
    const share = requests === 0 ? null : (green.bad - from.bad) / requests;
    next.set(gate, {
      stepIndex,
      bad: green.bad,
      requests: green.requests,
      shares: [...(last?.shares ?? []), share].slice(-LOOKS),
    });
  }
  return next;
}

const TONE: Readonly<Record<GateEvidence['standing'], Tone>> = {
  breach: 'bad',
  suspicious: 'bad',
  proven: 'good',
  open: 'plain',
  'warming-up': 'quiet',
  idle: 'quiet',
};

export function gateRow(
  evidence: GateEvidence,
  shares: readonly (number | null)[],
  { baseline, green }: Pick<RolloutStatus, 'baseline' | 'green'>,
): GateRow {
  const { lower, upper, r, delta, blue, shared, role } = evidence;
  const say = r === 0 ? percent : points;
  const usual = blue === null || blue.requests === 0 ? 0 : blue.bad / blue.requests;
  return {
    name: evidence.gate,
    standing: shared ? `${evidence.standing} (shared)` : evidence.standing,
    tone: TONE[evidence.standing],
    counts: [
      `${green} ${badOf(evidence.green)}`,
      ...(blue === null ? [] : [`${baseline || 'baseline'} ${badOf(blue)}`]),
    ].join(', '),
    limit: evidence.limit,
    bounds: lower === null || upper === null ? '' : `${say(lower)} … ${say(upper)}, ${say(delta)} allowed`,
    towardBreach: evidence.towardBreach,
    towardPass: role === 'guard' ? null : evidence.towardPass,
    spark: sparkline(shares, 2 * (r * usual + delta)),
  };
}

const BLOCKS = '▁▂▃▄▅▆▇█';

/** @param full - the value of a full block; higher ones look the same. */
export function sparkline(values: readonly (number | null)[], full: number): string {
  return values
    .map((value) => {
      if (value === null) return ' ';
      const level = full > 0 ? Math.min(1, value / full) : value > 0 ? 1 : 0;
      return BLOCKS[Math.round(level * (BLOCKS.length - 1))] ?? '';
    })
    .join('');
}
