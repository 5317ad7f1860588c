/** A file or folder on this machine, or an asset that the target already knows by id. */
export type AssetRef =
  | {
      readonly kind: 'path';
      readonly path: string;
      /** Of a model: what its owner calls it, for people. */
      readonly name?: string;
      readonly version?: string;
    }
  | { readonly kind: 'id'; readonly id: string };

/** When an instance counts as ready or alive. Times in milliseconds. */
export interface Probe {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

interface RequestSettings {
  readonly maxConcurrentRequestsPerInstance: number;
  readonly requestTimeoutMs: number;
  readonly maxQueueWaitMs: number;
}

export type ScaleSettings =
  | { readonly kind: 'default' }
  | {
      readonly kind: 'target-utilization';
      readonly minInstances: number;
      readonly maxInstances: number;
      readonly pollingIntervalMs: number;
      readonly targetUtilizationPercent: number;
    };

/** Amounts as Kubernetes writes them: `500m`, `1Gi`, `1`. */
export interface ResourceAmounts {
  readonly cpu?: string;
  readonly memory?: string;
  readonly gpu?: string;
}

/**
 * A Kubernetes manifest as its author wrote it, without name and namespace: a Deployment (apps/v1), without its number of
 * replicas, or an InferenceService of KServe (serving.kserve.io/v1beta1).
 */
export interface DeploymentManifest {
  /** Left out: a Deployment. */
  readonly kind?: 'InferenceService';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The object's `spec`. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** The port that takes requests. */
  readonly port: number;
}

/** Properties of a deployment that say what an image of one's own runs. */
export const COMMAND_PROPERTY = 'greenlight.command';
export const PORT_PROPERTY = 'greenlight.port';
export const PROBE_PATH_PROPERTY = 'greenlight.probePath';
/** Where Azure ML's inference server listens. */
export const DEFAULT_PORT = 5001;

/**
 * One deployment, as its Azure ML deployment file declares it, with every default made explicit.
 *
 * Neutral of the target: adapters turn it into an ARM body or Kubernetes objects. Paths are absolute.
 */
export interface DeploymentSpec {
  readonly name: string;
  readonly kind: 'managed' | 'kubernetes';
  readonly description?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, string>>;
  readonly model?: AssetRef;
  readonly modelMountPath?: string;
  readonly code?: { readonly source: AssetRef; readonly scoringScript: string };
  readonly environment?:
    | { readonly kind: 'id'; readonly id: string }
    | {
        readonly kind: 'inline';
        readonly image?: string;
        readonly condaFile?: string;
        readonly name?: string;
        readonly version?: string;
      };
  readonly environmentVariables: Readonly<Record<string, string>>;
  readonly instanceType?: string;
  readonly instanceCount: number;
  readonly appInsightsEnabled: boolean;
  readonly egressPublicNetworkAccess?: 'enabled' | 'disabled';
  readonly requestSettings: RequestSettings;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly scale: ScaleSettings;
  /** SHA-256 of the contents of the files that the paths above name; absent when there are none. */
  readonly filesDigest?: string;
  /** What a Kubernetes Deployment manifest says beyond the fields above; a Kubernetes namespace runs it as it stands. */
  readonly manifest?: DeploymentManifest;
  /** Kubernetes deployments only. */
  readonly resources?: { readonly requests?: ResourceAmounts; readonly limits?: ResourceAmounts };
}
