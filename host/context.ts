import type { Logger } from 'pino';
import type { BlobStore } from './assets/blobs.js';
import type { EnvoyAdmin } from './gateway/admin.js';
import type { Gateway } from './gateway/gateway.js';
import type { HostMetrics } from './metrics/prometheus.js';
import type { Sampler } from './metrics/sampler.js';
import type { PairCounter } from './pairs/pair-counter.js';
import type { Supervisor } from './serving/supervisor.js';
import type { StatePaths } from './state/paths.js';
import type { Store } from './state/store.js';

/** The parts of a running host, as its calls and operations use them. */
export interface HostContext {
  readonly store: Store;
  readonly paths: StatePaths;
  readonly gateway: Gateway;
  readonly admin: EnvoyAdmin;
  readonly supervisor: Supervisor;
  readonly blobs: BlobStore;
  readonly sampler: Sampler;
  readonly pairs: PairCounter;
  readonly metrics: HostMetrics;
  /** A loopback port that nothing of this host has. */
  readonly choosePort: () => Promise<number>;
  /** Whether this host makes faults on request. */
  readonly faultsAllowed: boolean;
  /** Signs addresses for uploads. */
  readonly uploadSecret: string;
  readonly log: Logger;
  /** Lower case. */
  readonly workspaces: readonly string[];
  readonly tenantId: string;
  /** Without a slash at the end. */
  readonly armUrl: string;
  readonly gatewayUrl: string;
}
