import { mkdir, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { armServer } from './arm/server.js';
import { BlobStore } from './assets/blobs.js';
import type { HostContext } from './context.js';
import { EnvoyAdmin } from './gateway/admin.js';
import { EnvoyProcess } from './gateway/envoy.js';
import { GatewayFiles } from './gateway/files.js';
import { gatewayModel } from './gateway/from-state.js';
import { Gateway } from './gateway/gateway.js';
import { CLUSTER_PATTERN } from './gateway/names.js';
import { Operations } from './operations/operations.js';
import type { ServeOptions } from './options.js';
import { freePort, isFree } from './ports.js';
import { HostMetrics } from './metrics/prometheus.js';
import { Sampler } from './metrics/sampler.js';
import { PairCounter } from './pairs/pair-counter.js';
import { Autoscaler } from './scaling/autoscaler.js';
import { Supervisor } from './serving/supervisor.js';
import { removeUnfinished, writeFileAtomic } from './state/atomic.js';
import { loadIdentity } from './state/identity.js';
import { lockState } from './state/lock.js';
import type { HostState } from './state/model.js';
import { StatePaths } from './state/paths.js';
import { Store } from './state/store.js';

export interface RunningHost {
  /** Stops answering ARM calls, and leaves Envoy and the model servers serving. */
  close(): Promise<void>;
}

/**
 * Starts a host on a state folder, and finds what an earlier one left there: endpoints, processes, routes, operations.
 *
 * @throws {StateHeld} when another process holds the folder.
 */
export async function startHost(options: ServeOptions, log: Logger): Promise<RunningHost> {
  const paths = new StatePaths(options.state);
  await mkdir(paths.root, { recursive: true, mode: 0o700 });
  const unlock = await lockState(paths.lock, 'endpoint host');
  try {
    return await startLocked(options, paths, log, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function startLocked(
  options: ServeOptions,
  paths: StatePaths,
  log: Logger,
  unlock: () => Promise<void>,
): Promise<RunningHost> {
  // The address of an earlier host; whoever waits for this one must not read it.
  await rm(paths.hostFile, { force: true });
  for (const folder of [paths.root, paths.gateway, paths.metrics, paths.tls]) await removeUnfinished(folder);
  const blobs = new BlobStore(paths.blobs);
  await blobs.removeUnfinished();
  const store = await Store.open(paths.state);
  await choosePorts(store.state, options);
  await store.save();
  const { ports } = store.state;
  const tenantId = tenantOf(store.state.id);
  const identity = await loadIdentity(paths, tenantId);

  const adminUrl = `http://127.0.0.1:${ports.admin}`;
  const admin = new EnvoyAdmin(adminUrl);
  const files = new GatewayFiles(paths);
  const model = () => gatewayModel(store.state, Math.floor(Date.now() / 1000), options.faults);
  const gateway = new Gateway(files, admin, model, log);
  const envoy = new EnvoyProcess(store, paths, options.envoy, admin, log);
  const background = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => {
      log.error({ err: error }, 'Work in the background went wrong');
    });
  };
  const supervisor = new Supervisor({
    store,
    paths,
    admin,
    log,
    python: options.python,
    faultsAllowed: options.faults,
    membershipChanged: () => {
      gateway.syncSoon();
    },
    takenPorts: () => takenPorts(store.state),
    background,
  });
  const sampler = new Sampler(store.state, admin, paths.metrics, log);
  const pairs = new PairCounter(store.state, admin, paths.pairsLog, log);
  const context: HostContext = {
    store,
    paths,
    gateway,
    admin,
    supervisor,
    sampler,
    pairs,
    metrics: new HostMetrics(store.state),
    choosePort: () => freePort(takenPorts(store.state)),
    faultsAllowed: options.faults,
    blobs,
    uploadSecret: identity.token,
    log,
    workspaces: options.workspaces,
    tenantId,
    armUrl: `https://127.0.0.1:${ports.arm}`,
    gatewayUrl: `http://127.0.0.1:${ports.gateway}`,
  };
  const operations = new Operations(context);
  const autoscaler = new Autoscaler({
    ...{ store, admin, sampler, log },
    busy: (workspace, endpoint) => operations.isBusy(workspace, endpoint),
    capacityChanged: () => {
      gateway.syncSoon();
    },
  });

  await files.prepare();
  // A new Envoy reads its files at once; one that runs takes changes in the order that loses no request.
  if (!(await envoy.adopt())) await files.writeAll(model());
  await envoy.start();
  supervisor.adopt();
  await gateway.sync();
  operations.resume();
  await sampler.start();
  await pairs.start();
  autoscaler.start();
  const tokens = setInterval(() => {
    gateway.syncSoon(); // takes expired tokens out; writes nothing when nothing changed
  }, 30_000);

  const app = await armServer(identity, context, operations);
  await app.listen({ host: '127.0.0.1', port: ports.arm });
  const hostFile = {
    version: 1,
    pid: process.pid,
    url: context.armUrl,
    caFile: paths.cert,
    tokenFile: paths.token,
    gatewayUrl: context.gatewayUrl,
    gatewayTlsUrl: `https://127.0.0.1:${ports.gatewayTls}`,
    envoyAdminUrl: adminUrl,
    clusterPattern: CLUSTER_PATTERN,
    workspaces: options.workspaces,
  };
  await writeFileAtomic(paths.hostFile, `${JSON.stringify(hostFile, null, 1)}\n`);
  log.info({ url: context.armUrl, gatewayUrl: context.gatewayUrl, caFile: paths.cert }, 'Host listens');

  return {
    async close() {
      await rm(paths.hostFile, { force: true });
      operations.close();
      clearInterval(tokens);
      await app.close();
      await autoscaler.close();
      await sampler.close();
      await pairs.close();
      await gateway.close();
      await supervisor.release();
      await envoy.release();
      await store.save();
      await unlock();
      log.info('Host stopped; Envoy and model servers go on');
    },
  };
}

/** Clients keep the addresses; only the ARM port may move, when somebody else sits on it. */
async function choosePorts(state: HostState, options: ServeOptions): Promise<void> {
  const { ports } = state;
  if (options.gatewayPort !== 0) ports.gateway = options.gatewayPort;
  ports.gateway ||= await freePort(takenPorts(state));
  ports.gatewayTls ||= await freePort(takenPorts(state));
  ports.admin ||= await freePort(takenPorts(state));
  if (options.port !== 0) {
    if (!(await isFree(options.port)))
      throw new Error(`port ${options.port} is in use; give another --port, or 0`);
    ports.arm = options.port;
  } else if (ports.arm === 0 || !(await isFree(ports.arm))) {
    ports.arm = await freePort(takenPorts(state));
  }
}

function takenPorts(state: HostState): ReadonlySet<number> {
  const instances = Object.values(state.endpoints).flatMap((endpoint) =>
    Object.values(endpoint.deployments).flatMap((deployment) => [
      ...Object.values(deployment.instances).map((instance) => instance.port),
      ...(deployment.faults ? [deployment.faults.port] : []),
    ]),
  );
  return new Set([...Object.values(state.ports), ...instances]);
}

/** A tenant id, which Azure's clients want to see, that is always the same for a state folder. */
function tenantOf(stateId: string): string {
  const hex = createHash('sha256').update(stateId).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
