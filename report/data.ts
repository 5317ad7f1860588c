import { commandsAfterIncomplete } from '../core/after-incomplete.js';
import type { DecisionRecord } from '../core/decision-record.js';
import type { Outcome } from '../core/failures.js';
import type { RolloutStatus } from '../core/messages.js';
import type { HumanAction, RolloutReport, StepRecord } from '../core/run.js';

/** How far the rollout is: over, under way, or ended from outside without a word of its own. */
export type Ending =
  | { readonly kind: 'report'; readonly report: RolloutReport }
  | { readonly kind: 'running'; readonly status: RolloutStatus }
  | { readonly kind: 'lost'; readonly because: string };

/** All that a report shows. Plain data: the same data gives the same page. */
export interface ReportData {
  readonly ending: Ending;
  readonly record: DecisionRecord;
  /** The plan as people read it. */
  readonly planText: string;
  readonly target: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Page of the run in Temporal's UI; null when its address is not known. */
  readonly uiLink: string | null;
  /** When the rollout was started, milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** null while it runs. */
  readonly endedAtMs: number | null;
  /** When the page was asked for, milliseconds since the epoch. */
  readonly nowMs: number;
}

/** What the page tells first, whatever the ending. */
export interface Story {
  /** `Rolled back`, `Running: ramping`. */
  readonly headline: string;
  /** How it is coloured. */
  readonly tone: 'good' | 'bad' | 'alarm' | 'neutral';
  readonly reason: string;
  readonly rollbackMs: number | null;
  readonly steps: readonly StepRecord[];
  readonly actions: readonly HumanAction[];
  readonly notes: readonly string[];
  readonly left: readonly string[];
  readonly actionsNow: readonly string[];
}

const HEADLINE: Readonly<Record<Outcome, Pick<Story, 'headline' | 'tone'>>> = {
  promoted: { headline: 'Promoted', tone: 'good' },
  'rolled-back': { headline: 'Rolled back', tone: 'bad' },
  aborted: { headline: 'Aborted', tone: 'bad' },
  rejected: { headline: 'Rejected before anything was changed', tone: 'neutral' },
  'rollback-incomplete': { headline: 'Rollback incomplete: a person has to look now', tone: 'alarm' },
};

const NOTHING = { rollbackMs: null, steps: [], actions: [], notes: [], left: [], actionsNow: [] } as const;

export function storyOf({ ending }: ReportData): Story {
  switch (ending.kind) {
    case 'report': {
      const { outcome, reason, rollbackMs, steps, actions, notes, left } = ending.report;
      const actionsNow = outcome === 'rollback-incomplete' ? commandsAfterIncomplete(ending.report) : [];
      return { ...HEADLINE[outcome], reason, rollbackMs, steps, actions, notes, left, actionsNow };
    }
    case 'running': {
      const { phase, verdict, hold, steps, actions, notes, actionsNow, next } = ending.status;
      const reason = hold?.because ?? (verdict || `next: ${next}`);
      const headline = `Under way: ${phase.replaceAll('-', ' ')}`;
      return { ...NOTHING, headline, tone: 'neutral', reason, steps, actions, notes, actionsNow };
    }
    case 'lost':
      return {
        ...NOTHING,
        headline: 'Ended without a report',
        tone: 'alarm',
        reason: `${ending.because}. Nothing was taken back, so traffic may stand half-way.`,
      };
    default:
      return ending satisfies never;
  }
}
