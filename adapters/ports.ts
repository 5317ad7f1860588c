import type { EndpointCapabilities, MetricsCapabilities } from '../core/capabilities.js';
import type { DeploymentSpec } from '../core/deployment.js';
import type { EndpointState, DeploymentState } from '../core/endpoint.js';
import type { Autoscale, MinimumChange } from '../core/autoscale.js';
import type { MetricsSnapshot, OwnQuery, OwnSnapshot } from '../core/metrics.js';
import type { ChannelRef, Notification } from '../core/notification.js';
import type { Traffic } from '../core/traffic.js';

export { PortError, type PortErrorKind } from '../core/port-error.js';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ChangeOptions extends CallOptions {
  /** Called right before each request that changes something; throws where the change is not to be made any more. */
  readonly confirm?: () => void;
}

export interface WriteOptions extends ChangeOptions {
  /** Write whoever manages the traffic rules now. */
  readonly takeOver?: boolean;
  /** The write is a way back, to what was there before: it is made, and stays, whatever the target says of it. */
  readonly goesBack?: boolean;
  /** A write before this one may still land: this one is made where the target shows it already, too, so that it is the last. */
  readonly again?: boolean;
  /** Whether the write may be made over these shares, as they are right before each request that changes something; left out: over any. */
  readonly mayShow?: (traffic: Traffic) => boolean;
  /** Called as soon as the target has taken such a request, whatever comes after it. */
  readonly taken?: () => void;
}

/** Endpoints and deployments of one target. Writes are absolute and safe to repeat. */
export interface Endpoints {
  /** @throws {PortError} permanent `ResourceNotFound` when there is no such endpoint. */
  read(endpoint: string, options?: CallOptions): Promise<EndpointState>;
  /** What can be done with its traffic, as far as the target can tell now. */
  capabilities(endpoint: string, options?: CallOptions): Promise<EndpointCapabilities>;
  /**
   * Writes shares and mirror together, and returns when the target has taken them; the caller reads them back.
   *
   * @throws {PortError} transient `Outdated` when the endpoint shows by then what `mayShow` denies.
   * @throws {PortError} permanent `FieldManagerConflict` when someone else has taken the traffic rules over; with
   *   `takeOver` they are taken back.
   */
  writeTraffic(endpoint: string, traffic: Traffic, options?: WriteOptions): Promise<void>;
  /** Begins to create, or replaces, a deployment; does not wait until it is ready. */
  createDeployment(
    endpoint: string,
    deployment: DeploymentSpec,
    tags: Readonly<Record<string, string>>,
    options?: ChangeOptions,
  ): Promise<void>;
  /** @returns undefined when there is no such deployment. */
  readDeployment(endpoint: string, name: string, options?: CallOptions): Promise<DeploymentState | undefined>;
  /** Ends well too when the deployment is gone already. Returns once the target has taken it; it may still be deleting. */
  deleteDeployment(endpoint: string, name: string, options?: CallOptions): Promise<void>;
  scale(endpoint: string, name: string, instances: number, options?: CallOptions): Promise<void>;
  /** Whether an autoscaler, and nobody else, says how many instances it has. */
  isAutoscaled(endpoint: string, name: string, options?: CallOptions): Promise<boolean>;
  /** Sends one request to one deployment, past the traffic rules. */
  invoke(endpoint: string, deployment: string, body: string, options?: CallOptions): Promise<InvokeResult>;
  /** The newest `lines` lines of a deployment's log. */
  logs(endpoint: string, deployment: string, lines: number, options?: CallOptions): Promise<string>;
}

/** What people do with endpoints beyond rollouts, through the command line. */
export interface AdminEndpoints extends Endpoints {
  /** Creates an endpoint without deployments, and waits until it is done. One that exists already stays as it is. */
  createEndpoint(endpoint: { readonly name: string }, options?: CallOptions): Promise<void>;
  /** Deletes an endpoint with its deployments; ends well too when it is gone already. Does not wait. */
  deleteEndpoint(endpoint: string, options?: CallOptions): Promise<void>;
  /** All endpoints of the target, without their deployments. */
  listEndpoints(options?: CallOptions): Promise<readonly EndpointSummary[]>;
  /** The keys that clients of an endpoint use. Secrets: not for logs, histories or reports. */
  keys(
    endpoint: string,
    options?: CallOptions,
  ): Promise<{ readonly primary: string; readonly secondary: string }>;
}

export type EndpointSummary = Pick<EndpointState, 'name' | 'kind' | 'state' | 'traffic' | 'scoringUri'>;

export interface InvokeResult {
  /** HTTP status that the client saw. */
  readonly status: number;
  readonly body: string;
  readonly durationMs: number;
}

/** Cumulative evidence about the deployments of one target. */
export interface Metrics {
  readonly capabilities: MetricsCapabilities;
  /** @throws {PortError} transient when the source does not answer. */
  read(endpoint: string, deployments: readonly string[], options?: CallOptions): Promise<MetricsSnapshot>;
}

/** The autoscalers of a target that has any. */
export interface Autoscaling {
  /** @returns null where no autoscaler counts the deployment's instances. */
  read(endpoint: string, deployment: string, options?: CallOptions): Promise<Autoscale | null>;
  /** Changes the fewest instances, if they are `from`; another number is somebody else's, and stays. */
  setMinimum(
    endpoint: string,
    deployment: string,
    minimum: MinimumChange,
    options?: CallOptions,
  ): Promise<void>;
}

/** Counters of the user's own, which gates can judge by as well. */
export interface OwnMetrics {
  /**
   * @param queries - by gate.
   * @throws {PortError} transient when the source does not answer, permanent when it cannot be asked that.
   */
  read(
    queries: Readonly<Record<string, OwnQuery>>,
    deployments: readonly string[],
    options?: CallOptions,
  ): Promise<OwnSnapshot>;
  /** What keeps the queries from being judged by, one sentence each: metrics that the source does not know. */
  check(queries: Readonly<Record<string, OwnQuery>>, options?: CallOptions): Promise<readonly string[]>;
}

/** Tells people and programs what happens to rollouts. */
export interface Notifier {
  /** Channels that are told of every rollout, as workflows may know them. */
  readonly forAll: readonly ChannelRef[];
  /**
   * Delivers one notification once.
   *
   * @throws {PortError} without the channel's address or secret in its message: it goes into histories.
   */
  send(channel: ChannelRef, notification: Notification, options?: CallOptions): Promise<void>;
}

/** All that a rollout needs of one target. */
export interface TargetPorts {
  readonly endpoints: Endpoints;
  readonly metrics: Metrics;
  readonly autoscaling?: Autoscaling;
  /** Left out where this worker knows no source of the user's own metrics. */
  readonly own?: OwnMetrics;
}

/**
 * The secret of that name, as the machine that asks has it.
 *
 * @throws {PortError} permanent `UnknownSecret` when it has none. Messages never hold the secret.
 */
export type Secrets = (name: string) => Promise<string>;
