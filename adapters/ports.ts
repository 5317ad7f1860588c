import type { DeploymentSpec } from '../core/deployment.js';
import type { EndpointState, DeploymentState } from '../core/endpoint.js';
import type { MetricsSnapshot } from '../core/metrics.js';
import type { Traffic } from '../core/traffic.js';

/** What a target did not do. The only error that adapters throw on purpose. */
export class PortError extends Error {
  override readonly name = 'PortError';
  /** `permanent`: saying it again gives the same answer; `throttled`: come back later; `transient`: may go through. */
  readonly kind: PortErrorKind;
  /** The target's own code, e.g. `ResourceNotFound`, for people and for tests. */
  readonly code: string;
  /** For `throttled`: when to come back, milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    facts: { readonly kind: PortErrorKind; readonly code: string; readonly retryAfterMs?: number },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.kind = facts.kind;
    this.code = facts.code;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

export type PortErrorKind = 'permanent' | 'throttled' | 'transient';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Endpoints and deployments of one target. Writes are absolute and safe to repeat. */
export interface Endpoints {
  /** @throws {PortError} permanent `ResourceNotFound` when there is no such endpoint. */
  read(endpoint: string, options?: CallOptions): Promise<EndpointState>;
  /** Writes shares and mirror together, and returns when the target has taken them; the caller reads them back. */
  writeTraffic(endpoint: string, traffic: Traffic, options?: CallOptions): Promise<void>;
  /** Begins to create, or replaces, a deployment; does not wait until it is ready. */
  createDeployment(
    endpoint: string,
    deployment: DeploymentSpec,
    tags: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<void>;
  /** @returns undefined when there is no such deployment. */
  readDeployment(endpoint: string, name: string, options?: CallOptions): Promise<DeploymentState | undefined>;
  /** Ends well too when the deployment is gone already. Returns once the target has taken it; it may still be deleting. */
  deleteDeployment(endpoint: string, name: string, options?: CallOptions): Promise<void>;
  scale(endpoint: string, name: string, instances: number, options?: CallOptions): Promise<void>;
  /** Sends one request to one deployment, past the traffic rules. */
  invoke(endpoint: string, deployment: string, body: string, options?: CallOptions): Promise<InvokeResult>;
  /** The newest `lines` lines of a deployment's log. */
  logs(endpoint: string, deployment: string, lines: number, options?: CallOptions): Promise<string>;
}

export interface InvokeResult {
  /** HTTP status that the client saw. */
  readonly status: number;
  readonly body: string;
  readonly durationMs: number;
}

/** Cumulative evidence about the deployments of one target. */
export interface Metrics {
  /** Whether it gives latency histograms, and mirrored traffic apart from live. */
  readonly capabilities: { readonly histograms: boolean; readonly mirrored: boolean };
  /** @throws {PortError} transient when the source does not answer. */
  read(endpoint: string, deployments: readonly string[], options?: CallOptions): Promise<MetricsSnapshot>;
}

/** All that a rollout needs of one target. */
export interface TargetPorts {
  readonly endpoints: Endpoints;
  readonly metrics: Metrics;
}
