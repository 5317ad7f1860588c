import type { DeploymentSpec } from './deployment.js';
import type { OwnQuery } from './metrics.js';
import type { NotifyChannel } from './notification.js';

/** Where an endpoint lives. Holds no address, port or secret that may change: the worker knows those. */
export type Target =
  | { readonly kind: 'host'; readonly workspace: string }
  | {
      readonly kind: 'azureml';
      readonly subscription: string;
      readonly resourceGroup: string;
      readonly workspace: string;
    }
  /** A namespace; `context` is the kubeconfig's, left out: its current one, or the pod's own service account. */
  | { readonly kind: 'kubernetes'; readonly namespace: string; readonly context?: string };

/** What a rollout does when a step's time is over and its gates could not decide. */
export type UndecidedPolicy = 'hold' | 'roll-back' | 'proceed';

/** Shared by every gate. */
interface GateBase {
  readonly name: string;
  /** A guard can roll back, and is not needed to pass. */
  readonly role: 'required' | 'guard';
  /** Share of alpha, 0 to 1; null = an equal part of what the others leave. */
  readonly weight: number | null;
  /** A spell of green alone shorter than this cannot roll back by itself. */
  readonly blipMs: number;
  readonly dispersion: { readonly mode: 'auto' } | { readonly mode: 'fixed'; readonly phi: number };
  /** `hold`: an absolute limit does not charge green for what the baseline suffers too. */
  readonly shared: 'hold' | 'strict';
}

/** All shares are fractions of 1 (0.005 = 0.5 percentage points), all ratios factors (1.1 = 10 % more). */
export type Gate = GateBase &
  (
    | { readonly metric: 'error-rate'; readonly limit: { readonly kind: 'at-most'; readonly share: number } }
    | {
        readonly metric: 'error-rate';
        /** green ≤ ratio × baseline + share. */
        readonly limit: { readonly kind: 'worse-by'; readonly share: number; readonly ratio: number };
      }
    | {
        readonly metric: 'latency';
        readonly quantile: number;
        readonly limit: { readonly kind: 'at-most'; readonly ms: number };
      }
    | {
        readonly metric: 'latency';
        readonly quantile: number;
        readonly limit: { readonly kind: 'slower-by'; readonly ratio: number };
      }
    | {
        /** Share of requests slower than `aboveMs`. */
        readonly metric: 'slow-share';
        readonly aboveMs: number;
        readonly limit:
          | { readonly kind: 'at-most'; readonly share: number }
          | { readonly kind: 'worse-by'; readonly share: number; readonly ratio: number };
      }
    | {
        /** Share of bad events, counted by counters of the user's own. */
        readonly metric: 'events';
        readonly query: Exclude<OwnQuery, { readonly buckets: string }>;
        readonly limit:
          | { readonly kind: 'at-most'; readonly share: number }
          | { readonly kind: 'worse-by'; readonly share: number; readonly ratio: number };
      }
    | {
        /** Quantile of a value, from a histogram of the user's own. */
        readonly metric: 'histogram';
        readonly query: Extract<OwnQuery, { readonly buckets: string }>;
        readonly quantile: number;
        /** In the histogram's own unit. */
        readonly limit:
          | { readonly kind: 'at-most'; readonly value: number }
          | { readonly kind: 'higher-by'; readonly ratio: number };
      }
  );

/** The queries of gates with a metric of the user's own, by gate; empty where there is none. */
export function ownQueriesOf(gates: readonly Gate[]): Readonly<Record<string, OwnQuery>> {
  return Object.fromEntries(gates.flatMap((gate) => ('query' in gate ? [[gate.name, gate.query]] : [])));
}

/** What holds for all gates of a rollout (gates.md 6). */
export interface Watching {
  /** Time between two looks. */
  readonly intervalMs: number;
  /** Looks that are not judged after green got its first traffic of a step; the crash guard is on. */
  readonly warmUpMs: number;
  /** Chance of a wrong rollback over the whole rollout. */
  readonly alpha: number;
  /** Chance of a wrong pass, per step. */
  readonly alphaPass: number;
  /** How long one window of watching lasts at the most; left out: 20 minutes. */
  readonly windowMs?: number;
}

export interface Dwell {
  readonly atLeastMs: number;
  readonly atMostMs: number;
}

/** A step that puts traffic on green and watches it. */
export interface ShiftStep {
  readonly kind: 'mirror' | 'ramp';
  /** Green's share, whole percent. */
  readonly percent: number;
  readonly dwell: Dwell;
  readonly gates: readonly string[];
  readonly undecided: UndecidedPolicy;
}

export type Step =
  | { readonly kind: 'create'; readonly readyWithinMs: number }
  | {
      readonly kind: 'smoke';
      /** The request body, as text; `requestFile` is only for messages. */
      readonly body: string;
      readonly requestFile: string;
      readonly count: number;
    }
  | ShiftStep
  | {
      readonly kind: 'approve';
      readonly withinMs: number;
      /** Who may approve here; left out: the plan's `approvers`. */
      readonly by?: readonly string[];
      readonly gates: readonly string[];
    }
  | { readonly kind: 'cutover' }
  | {
      readonly kind: 'bake';
      readonly forMs: number;
      readonly gates: readonly string[];
      readonly undecided: UndecidedPolicy;
    }
  | { readonly kind: 'delete-baseline'; readonly drainWithinMs: number };

/**
 * What a workflow receives: a spec with every default made explicit. No YAML, no shorthands, no secrets.
 *
 * `planVersion` changes when an old worker could not run a new plan, or a new worker an old one.
 */
export interface Plan {
  readonly planVersion: 1;
  readonly endpoint: string;
  readonly target: Target;
  /** null: whoever holds all live traffic at preflight. */
  readonly baseline: string | null;
  readonly deployment: DeploymentSpec;
  /** Use a deployment of green's name that exists already, if it is the same. */
  readonly adopt: boolean;
  readonly afterRollback: 'delete-green' | 'keep-green';
  /** How long rollback tries before it ends as incomplete and pages a person. */
  readonly rollbackWithinMs: number;
  readonly watching: Watching;
  readonly gates: readonly Gate[];
  readonly steps: readonly Step[];
  /** Who may let the rollout go on where it waits for a person; left out: everyone who can send it a message. */
  readonly approvers?: readonly string[];
  /** Who is told what happens; left out: nobody but those whom the worker tells of every rollout. */
  readonly notify?: readonly NotifyChannel[];
  /** Dispersion by gate at the end of the endpoint's last rollout; left out where none is known (gates.md 2.4). */
  readonly carriedDispersion?: Readonly<Record<string, number>>;
  /** SHA-256 of the spec and the files that it names, hex. */
  readonly digest: string;
}

export const PLAN_VERSION = 1;

/** One name for a target, for workflow ids and search attributes. */
export function targetName(target: Target): string {
  switch (target.kind) {
    case 'host':
      return `host/${target.workspace}`;
    case 'azureml':
      return `azureml/${target.subscription}/${target.resourceGroup}/${target.workspace}`;
    case 'kubernetes':
      return ['kubernetes', ...(target.context === undefined ? [] : [target.context]), target.namespace].join(
        '/',
      );
    default:
      return target satisfies never;
  }
}

/**
 * A name as its target tells it. To Azure ML and the endpoint host, names that differ in case only are one, and they show
 * them in small letters; Kubernetes has small letters only, and its adapter's checks say so.
 */
export function nameOn(target: Target, name: string): string {
  return target.kind === 'kubernetes' ? name : name.toLowerCase();
}

/** `host/local/diabetes`: an endpoint among those of all targets, the same however people write it. */
export function endpointPath(target: Target, endpoint: string): string {
  return nameOn(target, `${targetName(target)}/${endpoint}`);
}

/** The lock: one rollout per endpoint. */
export function workflowId(target: Target, endpoint: string): string {
  return `rollout/${endpointPath(target, endpoint)}`;
}

/** Sum of the longest times that a plan's steps watch for, milliseconds: what the gates spend their alpha over. */
export function plannedWatchMs(plan: Pick<Plan, 'steps'>): number {
  return plan.steps.reduce((sum, step) => sum + longestWatchMs(step), 0);
}

/** How many of a plan's steps are watched. */
export function plannedWatches(plan: Pick<Plan, 'steps'>): number {
  return plan.steps.filter((step) => longestWatchMs(step) > 0).length;
}

function longestWatchMs(step: Step): number {
  if (step.kind === 'mirror' || step.kind === 'ramp') return step.dwell.atMostMs;
  return step.kind === 'bake' ? step.forMs : 0;
}
