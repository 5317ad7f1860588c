import type { PairCounts } from '../metrics.js';

/** Name and version of the algorithm; part of every saved state. Constants of the code belong to the version. */
export const ALGORITHM = 'paired-rate-eprocess/1';

/** How much the counts vary beyond independent requests: learned, or given. */
export type DispersionConfig =
  | {
      readonly mode: 'auto';
      /** Factor to begin with, at least 1; default 1. Carry over the last rollout's end value. */
      readonly phi0?: number;
      /** Weight of `phi0`, in count-blocks; default 4, or 16 for a value carried over. */
      readonly nu0?: number;
      /**
       * `larger`: the baseline's own factor counts where it is larger than green's, since it has many more requests to show
       * clusters in, and shows them while green warms up, too; and neither is made smaller by the cap on what one count-block
       * can say. Default `green`, as in gates.md.
       */
      readonly by?: 'green' | 'larger';
    }
  | { readonly mode: 'fixed'; readonly phi: number };

/** Indices into `edgesMs`: a request is bad when it took longer than that edge. */
export interface EdgePair {
  readonly blue: number;
  readonly green: number;
}

/** How the stake is spread over the blocks in which a regression may begin. What these leave is for all other blocks. */
export interface Starts {
  /** Share for the rollout's first block. */
  readonly first: number;
  /** Share for the first block of each later step: another share of the traffic, another load. */
  readonly step: number;
  /** Later steps that get it. */
  readonly steps: number;
  /** Share for all blocks after the planned ones: green is watched while people are waited for, too. Left out: none. */
  readonly beyond?: number;
}

/** One metric: green is within the margin while `pG <= r * pB + delta`. */
export interface MetricConfig {
  readonly name: string;
  readonly source: 'errors' | 'latency';
  /** Factor on the baseline's rate; 0 = an absolute limit. */
  readonly r: number;
  /** Share of requests, 0 to 1. */
  readonly delta: number;
  /** Share of alpha; all weights sum to 1. */
  readonly weight: number;
  /** A spell of green alone shorter than this cannot roll back by itself, seconds. */
  readonly blipSec: number;
  /** Blocks of the whole rollout, at least 1. Later blocks are watched too, with restarts if `starts` keeps some for them. */
  readonly plannedBlocks: number;
  /** Latency only. */
  readonly breachEdge?: EdgePair;
  /** Latency only. */
  readonly passEdge?: EdgePair;
  readonly duringWarmup?: boolean;
  /** false = a guard: can roll back, is not needed to pass. Default true. */
  readonly passRole?: boolean;
  /** Absolute limits only, default `hold`: green is not charged for what the baseline suffers too. */
  readonly shared?: 'hold' | 'strict';
  /**
   * Weights of the pass side's grid in the rollout's first step, sum 1; from then on each step bets where the one before
   * found evidence. Left out: the grid's own in every step (gates.md 2.3).
   */
  readonly bets?: readonly number[];
  /** Weights of the breach side's grid, sum 1, fixed for the rollout. Left out: the grid's own (gates.md 2.2). */
  readonly breachBets?: readonly number[];
  /** Where restarts are expected. Left out: half for the first block, the rest spread evenly (gates.md 2.2). */
  readonly starts?: Starts;
  /** What lasts into a third block rolls back, however little wealth is in play when it begins. Set after cutover. */
  readonly thirdBlockDecides?: boolean;
  /**
   * Counted by a metric of the user's own: this one sees `Look.own` under its name, and its edges are these (none for
   * good and bad events).
   */
  readonly own?: { readonly edges: readonly number[] };
  /** Instead of the configuration's. */
  readonly dispersion?: DispersionConfig;
  /** What the gate asks, where people put it otherwise than `r` and `delta` do: `p95 at most 250 ms`. */
  readonly asks?: string;
  /** Not listened to in this step: it sees no look, and is not needed to pass. Its breach evidence is kept. */
  readonly paused?: boolean;
}

/** Everything that is fixed before the first look (gates.md 9), and, by `stepConfig`, what a step sets. */
export interface MachineConfig {
  /** Chance of a wrong rollback over the whole rollout. */
  readonly alpha: number;
  /** Chance of a wrong pass, per step. */
  readonly alphaPass: number;
  readonly warmupSec: number;
  /** No pass before this, whatever the evidence. */
  readonly minDurationSec: number;
  readonly deadlineSec: number;
  /** Bucket edges, ascending, without +Inf, milliseconds. */
  readonly edgesMs: readonly number[];
  readonly dispersion: DispersionConfig;
  readonly metrics: readonly MetricConfig[];
}

/** What one arm did during one look: differences, not totals. */
export interface ArmLook {
  readonly n: number;
  readonly errors: number;
  /** Cumulative over the edges, `+Inf` last; empty where the source has no histogram. */
  readonly le: readonly number[];
}

export const ARM_STATUSES = ['ok', 'missing', 'reset'] as const;
export type ArmStatus = (typeof ARM_STATUSES)[number];

export interface Look {
  readonly dtSec: number;
  /**
   * When its data begins, seconds after the step did, of a source that is behind: a minus tells of the time before the step, and
   * of a breach alone. Left out: after the looks before it.
   */
  readonly sinceSec?: number;
  /** A new step begins with this look. */
  readonly newStep?: boolean;
  readonly blue: ArmLook;
  readonly green: ArmLook;
  readonly status: { readonly blue: ArmStatus; readonly green: ArmStatus };
  /** Mirrored requests whose answers were put together; left out where the source cannot. */
  readonly pairs?: PairCounts;
  /** Looks at metrics of the user's own, by metric, each over its own time; one that has nothing new is missing. */
  readonly own?: Readonly<Record<string, Look>>;
}

export type Decision = 'breach' | 'pass' | 'continue' | 'inconclusive';

/** null stands for minus infinity. Bounds are null where they were not asked for. */
export interface MetricResult {
  readonly lnBreach: number | null;
  readonly lnPass: number | null;
  /** Bounds of `pG - r * pB` over the step, each wrong with a chance of at most `alphaPass`. */
  readonly lower: number | null;
  readonly upper: number | null;
  /** The factors that the next look will use. */
  readonly phiNext: number;
  readonly phiPassNext: number;
  /** The baseline breaks this absolute limit too: green is not charged for it now. */
  readonly shared: boolean;
}

export interface LookResult {
  /** Seconds of this step, this look included. */
  readonly elapsedSec: number;
  readonly decision: Decision;
  /** For a breach: the metric that did most of it. */
  readonly reason: string | null;
  readonly lnTotal: number | null;
  readonly metrics: Readonly<Record<string, MetricResult>>;
}

/** Overdispersion of one metric (gates.md 2.4): decayed sums, the open count-block, closed count-blocks. */
export interface DispersionState {
  readonly xB: number;
  readonly nB: number;
  readonly xG: number;
  readonly nG: number;
  readonly d: number;
  readonly v: number;
  readonly sum: number;
  readonly closed: number;
}

/** Breach side of one metric (gates.md 2.2), one entry per grid point. */
export interface BreachState {
  /** Blocks begun. */
  readonly blocks: number;
  /** Of these, blocks that began a later step and had its share. Left out: none. */
  readonly stepStarts?: number;
  /** A step has begun, and no block since. Left out: no. */
  readonly atStep?: boolean;
  readonly open: boolean;
  /** Seconds in the open block. */
  readonly blockSec: number;
  /** Log wealth at the block's start; null before the first block. */
  readonly lnR: readonly number[] | null;
  /** Log evidence inside the open block. */
  readonly inBlock: readonly number[];
  readonly shared: boolean;
  /** The baseline's own evidence against an absolute limit (gates.md 2.6); null where nobody asks. */
  readonly blue: readonly number[] | null;
}

/** Pass side of one metric over the step (gates.md 2.3), tempered. */
export type PassState =
  | {
      readonly kind: 'two-sample';
      readonly passA: readonly number[];
      readonly passC: readonly number[];
      readonly breachA: readonly number[];
      readonly breachC: readonly number[];
      readonly bets?: readonly number[];
    }
  | {
      readonly kind: 'one-sample';
      readonly x: number;
      readonly n: number;
      /** Weights of the grid in this step, where they are not its own. */
      readonly bets?: readonly number[];
    };

/** Plain counts of bad requests and requests. */
export interface BadCounts {
  readonly xB: number;
  readonly nB: number;
  readonly xG: number;
  readonly nG: number;
}

/** Mirrored requests of which both answers are known, by whom they failed. */
export interface Pairs {
  readonly n: number;
  readonly blueOnly: number;
  readonly greenOnly: number;
  readonly both: number;
}

/** Counts of which some are pairs. */
export interface PairedCounts extends BadCounts {
  readonly pairs: Pairs;
}

export interface MetricState {
  readonly breach: BreachState;
  readonly pass: PassState;
  readonly dispersion: DispersionState;
  /** Of the baseline's own evidence. */
  readonly blueDispersion: DispersionState;
  /**
   * The factor as it was when the baseline went: the next rollout begins with it. Left out: as it is now; so also where an
   * older worker converted the gate.
   */
  readonly learned?: number;
  /** Judged counts of this step, for people. */
  readonly step: BadCounts;
  /** These are from before the step; none of its own has come yet. Left out: they are its own. */
  readonly early?: true;
  /** Pairs of this step, whether it was judged by them or not. Left out: the source gave none. */
  readonly pairs?: Pairs;
  /**
   * Whether the step is judged by pairs from now on. `next`: from the look after the next one; the next is left out, since
   * the sources of counts and pairs are not read at one instant, and no answer may count twice. Left out: by counts.
   */
  readonly pairing?: 'next' | 'on';
  /** What the baseline did over the rollout, at the breach side's edge: the limit after cutover comes from it. */
  readonly baseline: { readonly x: number; readonly n: number };
}

/** All that the gates remember: plain JSON, under 2 KB a metric, whatever the traffic and the time. */
export interface GateState {
  readonly algorithm: typeof ALGORITHM;
  /** Step clock. Stands still in guard mode, and while looks tell of the time before the step. */
  readonly elapsedSec: number;
  /** Warm-up clock: seconds since the step began, as far as looks tell; a minus: before it. Never stands still. */
  readonly sinceStartSec: number;
  /** Whether the newest look was warm-up. Left out in states of older versions. */
  readonly warmingUp?: boolean;
  readonly metrics: Readonly<Record<string, MetricState>>;
}

export interface AdvanceOptions {
  /** `guard`: only a breach is ever decided, and the step clock stands still. Default `judge`. */
  readonly mode?: 'judge' | 'guard';
  /** No pass at this look, for a reason outside of the counts (starved green). Default false. */
  readonly hold?: boolean;
  /** Whether to solve for `lower` and `upper`; they cost ten times the rest. Default true. */
  readonly bounds?: boolean;
}
