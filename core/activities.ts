import type { DeploymentSpec } from './deployment.js';
import type { Autoscale, MinimumChange } from './autoscale.js';
import type { Scaled, Written } from './drift.js';
import type { MetricsSnapshot } from './metrics.js';
import type { ChannelRef, Notification } from './notification.js';
import type { Plan, Target } from './plan.js';
import type { Traffic } from './traffic.js';
import type { WatchInput, WatchResult } from './watch.js';

/** The one endpoint that a call is about. */
export interface EndpointRef {
  readonly target: Target;
  readonly endpoint: string;
}

export interface PreflightInput {
  readonly plan: Plan;
  /** Marks green as this rollout's own, so that a repeated attempt does not find its own name taken. */
  readonly rolloutId: string;
}

export interface PreflightResult {
  readonly baseline: string;
  readonly before: Traffic;
  /** Green stands there already and is the same deployment: it is adopted, and not deleted by a rollback. */
  readonly greenExists: boolean;
  /** The metric source's counters at the start: what the baseline does before green gets traffic. */
  readonly metrics: MetricsSnapshot | null;
  /** An autoscaler counts the baseline's instances. Left out: none does. */
  readonly autoscaled?: boolean;
  /** Instances of the baseline, and of green where it exists: fewer later on are someone else's change. */
  readonly instances: Readonly<Record<string, number>>;
  /** Whom this worker tells of every rollout; left out: nobody. */
  readonly channels?: readonly ChannelRef[];
}

/** First detail of a `Rejected` failure. */
export interface RejectedDetails {
  readonly problems: readonly string[];
  readonly channels?: readonly ChannelRef[];
}

export interface NotifyInput {
  readonly channel: ChannelRef;
  readonly notification: Notification;
}

export interface CreateDeploymentInput extends EndpointRef {
  readonly deployment: DeploymentSpec;
  readonly rolloutId: string;
  /** It stood there before the rollout; else one that another made is not waited for. Left out by older workflows. */
  readonly adopted?: boolean;
  readonly readyWithinMs: number;
}

export interface SmokeInput extends EndpointRef {
  readonly deployment: string;
  /** What it was created with: an answer may quote the secrets that they name. Left out by older workflows. */
  readonly environmentVariables?: DeploymentSpec['environmentVariables'];
  readonly body: string;
  readonly count: number;
}

export interface SmokeResult {
  readonly requests: number;
  readonly medianMs: number;
  readonly slowestMs: number;
}

export interface SetTrafficInput extends EndpointRef {
  /** What the endpoint may show before the write, besides `to`; null = whatever it shows (rollback). */
  readonly from: Traffic | null;
  readonly to: Traffic;
  /** A person has seen who else manages the traffic rules, and wants the rollout to write them. */
  readonly takeOver?: boolean;
  /** By a person's word it is a way back from `from` (restore), as one from whatever is shown always is. */
  readonly goesBack?: boolean;
  /** A write before this one was cut off: it may be on its way still, or done and not shown yet. */
  readonly unsettled?: boolean;
  /**
   * On a way back: how many the rollout knows. Who has none of them any more gets no greater share, and ends it as `Drift`. Left
   * out by older workflows: whoever is there.
   */
  readonly instances?: Written['instances'];
  /** Where the target has taken nothing for so long, it ends as `NotYet`. Left out: it is asked again until it does. */
  readonly givesWayAfterMs?: number;
}

export interface SetTrafficResult {
  /** What the endpoint showed before. */
  readonly found: Traffic;
  /** Who of those that have traffic now has fewer of the input's instances, by somebody's hand. Left out: nobody. */
  readonly scaled?: readonly Scaled[];
}

export interface SetMinimumInput extends EndpointRef {
  readonly deployment: string;
  readonly minimum: MinimumChange;
  /** By a rollback. Left out by older workflows, also by theirs. */
  readonly goesBack?: boolean;
}

export interface ScaleDeploymentInput extends EndpointRef {
  readonly deployment: string;
  /** It has at least so many afterwards. */
  readonly instances: number;
  readonly readyWithinMs: number;
  /** How much of that is left, where it is asked for again. Left out: all. */
  readonly leftMs?: number;
  /** Where they are not ready after so long, it ends as `NotYet`. */
  readonly givesWayAfterMs?: number;
  /**
   * Where some of them answer, the others are waited for no longer than this, and not at all after a no: they are asked for again
   * by another call. Left out: for as long as for the first.
   */
  readonly someAfterMs?: number;
  /** How many are some; 0: also none, nothing waits for them. Left out: 1. */
  readonly least?: number;
}

export interface ScaleDeploymentResult {
  /** How many do not answer yet, as far as the target tells; more than 0 only with `someAfterMs`. */
  readonly missing: number;
  /** Somebody had asked for them already: they were only waited for. */
  readonly there: boolean;
}

/** First detail of a `NotYet` failure. */
export interface NotYetDetails {
  /** How long the target wants not to be asked. */
  readonly againInMs: number;
  /** How long it was asked. */
  readonly askedMs: number;
}

/** First detail of a failure of `scaleDeployment`, where it was read. */
export interface NotScaledDetails {
  /** Instances that answer; null where the target cannot tell. */
  readonly ready: number | null;
}

export interface DeleteDeploymentInput extends EndpointRef {
  readonly deployment: string;
  /** Only if this rollout made it; left out: whoever did. */
  readonly madeBy?: string;
  /** How long to wait for requests in flight, before it is deleted all the same. */
  readonly drainWithinMs: number;
  /** As the rollout left it: it is not deleted while green is not there to serve instead. Left out by a rollback, and by older workflows. */
  readonly written?: Written;
}

export interface DeleteDeploymentResult {
  /** One that is somebody else's stands there under its name, and was left alone. */
  readonly another: boolean;
}

/** Details of a `Drift` failure. */
export interface DriftDetails {
  /** Left out by who writes none. */
  readonly expected?: Traffic;
  /** null: a deployment that was to get a greater share is gone. */
  readonly observed: Traffic | null;
  /** Which were to get a greater share and have been scaled to nothing; left out by older workers. */
  readonly off?: readonly string[];
  /** The rollout's own write may have been made before that was found; left out by older workers. */
  readonly written?: boolean;
}

/**
 * The activities of a rollout. All are safe to repeat; none decides anything but what its own attempt does.
 *
 * Failures by type (core/failures.ts): `Rejected` (preflight), `Drift` (setTraffic; deleteDeployment of a baseline that serves
 * again, or that green no longer serves instead of), `NotYet` (setTraffic and scaleDeployment, where they are to give way), `DeploymentFailed`, `SmokeFailed`, and the port
 * failures.
 */
export interface RolloutActivities {
  preflight(input: PreflightInput): Promise<PreflightResult>;
  /** Creates it where it is missing, and waits until it is ready. */
  createDeployment(input: CreateDeploymentInput): Promise<void>;
  smoke(input: SmokeInput): Promise<SmokeResult>;
  /** Writes, and reads back until the endpoint shows it. Workers of before gave nothing back. */
  setTraffic(input: SetTrafficInput): Promise<SetTrafficResult | undefined>;
  /** @returns null where no autoscaler counts the deployment's instances. */
  readAutoscale(input: EndpointRef & { readonly deployment: string }): Promise<Autoscale | null>;
  /** Changes an autoscaler's fewest instances, unless somebody else did. */
  setMinimum(input: SetMinimumInput): Promise<void>;
  watch(input: WatchInput): Promise<WatchResult>;
  /** Gives it its instances back, and waits until they are ready. @returns nothing by workers that did not tell. */
  scaleDeployment(input: ScaleDeploymentInput): Promise<ScaleDeploymentResult | void>;
  /** Delivers one notification. Nothing is ever decided by whether it succeeds. */
  notify(input: NotifyInput): Promise<void>;
  /** Drains, deletes, and waits until it is gone. Refuses while any traffic can reach it. Workers of before gave nothing back. */
  deleteDeployment(input: DeleteDeploymentInput): Promise<DeleteDeploymentResult | undefined>;
}
