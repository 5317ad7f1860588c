import type { FaultsRecord } from '../faults/faults.js';

/** Everything that the host remembers. One file, so that what belongs together is written together. */
export interface HostState {
  readonly version: 1;
  /** Marks the processes that belong to this state folder. */
  readonly id: string;
  /** Chosen once: clients keep these addresses over restarts of the host. */
  ports: { arm: number; gateway: number; gatewayTls: number; admin: number };
  envoy: ProcessRef | null;
  /** By `workspace/endpoint`. */
  endpoints: Record<string, EndpointRecord>;
  /** By operation id; finished ones are kept for a while, so that a client finds how its call ended. */
  operations: Record<string, OperationRecord>;
  /** Registered code, models and environments, by `workspace/kind/name/version`. */
  assets: Record<string, AssetRecord>;
  /** Autoscale settings, by `subscription/resource group/name`. */
  autoscale: Record<string, AutoscaleRecord>;
}

export interface AutoscaleRecord {
  /** Whom it scales, as `workspace/endpoint/deployment`. */
  readonly target: string;
  /** ARM's resource as it was given. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** One version of an asset. */
export interface AssetRecord {
  readonly workspace: string;
  /** As in addresses: codes, models, environments. */
  readonly kind: string;
  readonly name: string;
  readonly version: string;
  /** ARM's `properties` as they were given. */
  readonly properties: Record<string, unknown>;
  readonly createdAt: string;
  readonly modifiedAt: string;
}

/** A process of this machine that cannot be mistaken for a later one with the same number. */
export interface ProcessRef {
  readonly pid: number;
  /** Start time as the kernel counts it (field 22 of /proc/<pid>/stat). */
  readonly startTime: string;
}

/** Provisioning states as ARM spells them. */
type ProvisioningState =
  'Creating' | 'Updating' | 'Scaling' | 'Deleting' | 'Succeeded' | 'Failed' | 'Canceled';

export type Tags = Record<string, string>;

/** Fields of an ARM resource that the host keeps and gives back, and has no use for itself. */
export interface ResourceEnvelope {
  location: string;
  tags: Tags;
  kind?: string;
  identity?: Record<string, unknown>;
  createdAt: string;
  modifiedAt: string;
}

export interface EndpointRecord {
  readonly workspace: string;
  /** Lower case: Azure ML does not tell `Blue` from `blue`. */
  readonly name: string;
  envelope: ResourceEnvelope;
  authMode: 'Key' | 'AMLToken' | 'AADToken';
  description?: string;
  /** ARM id of an attached cluster; set = Kubernetes endpoint. */
  compute?: string;
  publicNetworkAccess: string;
  properties: Tags;
  /** Whole percent, no zeros. */
  traffic: Record<string, number>;
  mirror: Record<string, number>;
  keys: { primary: string; secondary: string };
  token?: ScoringToken;
  state: ProvisioningState;
  error?: ArmErrorBody;
  deployments: Record<string, DeploymentRecord>;
}

/** A token for scoring; times in seconds since the epoch. */
export interface ScoringToken {
  readonly value: string;
  readonly expiresAt: number;
  readonly refreshAfter: number;
  /** The one before: whoever was given it may use it until it expires. */
  readonly previous?: { readonly value: string; readonly expiresAt: number };
}

export interface DeploymentRecord {
  readonly name: string;
  envelope: ResourceEnvelope;
  sku: { name: string; tier?: string; capacity: number };
  /** ARM's `properties` as accepted, with every default filled in. */
  properties: DeploymentProperties;
  state: ProvisioningState;
  error?: ArmErrorBody;
  /** The bytes and settings that model servers should run. */
  generation: number;
  /** The generation that the gateway routes to; null until one got ready. */
  serving: number | null;
  /** What to run, per generation that is wanted or still runs. */
  specs: Record<string, ProcessSpec>;
  instances: Record<string, InstanceRecord>;
  /** Replacements of instances that died or were killed for failing their liveness probe. */
  restarts: number;
  /** Troubles asked for; obeyed only by a host that allows them. */
  faults?: FaultsRecord;
  /** Number of the next instance; never used twice. */
  nextInstance: number;
}

export interface DeploymentProperties {
  endpointComputeType: 'Managed' | 'Kubernetes';
  description?: string;
  model?: string;
  modelMountPath?: string;
  codeConfiguration?: { codeId?: string; scoringScript: string };
  environmentId?: string;
  environmentVariables: Record<string, string>;
  properties: Tags;
  appInsightsEnabled: boolean;
  instanceType?: string;
  egressPublicNetworkAccess?: string;
  requestSettings: RequestSettings;
  livenessProbe: ProbeProperties;
  readinessProbe: ProbeProperties;
  scaleSettings: Record<string, unknown>;
  containerResourceRequirements?: Record<string, unknown>;
}

/** Durations are ISO 8601 text, as ARM has them. */
interface RequestSettings {
  maxConcurrentRequestsPerInstance: number;
  requestTimeout: string;
  maxQueueWait: string;
}

/** Durations are ISO 8601 text, as ARM has them. */
export interface ProbeProperties {
  failureThreshold: number;
  successThreshold: number;
  timeout: string;
  period: string;
  initialDelay?: string;
}

/** What one generation of a deployment runs. Paths are inside the host's state. */
export interface ProcessSpec {
  /** Digest of all that would make a running instance a different one. */
  readonly digest: string;
  readonly codeDir: string | null;
  readonly modelDir: string | null;
  readonly scoringScript: string | null;
  /** A command instead of the model server for score.py; `{port}` stands for the port. */
  readonly command: readonly string[] | null;
  readonly threads: number;
  readonly workers: number;
  readonly environment: Record<string, string>;
  readonly probePath: string;
  readonly gracefulSeconds: number;
  /** How it was run when another generation was wanted in its place; missing for the wanted one. */
  kept?: RunSettings;
}

/** How a generation is run, apart from what: may change while its instances stay. */
export interface RunSettings {
  readonly capacity: number;
  readonly requestSettings: RequestSettings;
  readonly livenessProbe: ProbeProperties;
  readonly readinessProbe: ProbeProperties;
}

export const INSTANCE_STATES = ['starting', 'ready', 'unready', 'draining'] as const;

export interface InstanceRecord {
  readonly id: string;
  readonly generation: number;
  readonly port: number;
  /** Missing between the decision to start it and the start. */
  process?: ProcessRef;
  /** Milliseconds since the epoch. */
  startedAt: number;
  state: (typeof INSTANCE_STATES)[number];
}

export interface ArmErrorBody {
  code: string;
  message: string;
}

export type OperationKind =
  | 'endpoint-put'
  | 'endpoint-patch'
  | 'endpoint-keys'
  | 'endpoint-delete'
  | 'deployment-put'
  | 'deployment-patch'
  | 'deployment-delete';

export interface OperationRecord {
  readonly id: string;
  readonly kind: OperationKind;
  readonly workspace: string;
  readonly endpoint: string;
  readonly deployment?: string;
  /** ARM id of the resource that it works on. */
  readonly resourceId: string;
  readonly startTime: string;
  status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled';
  endTime?: string;
  error?: ArmErrorBody;
}
