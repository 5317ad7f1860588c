import { cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureEnvoy } from '../envoy.js';
import { EmbeddedError } from '../errors.js';
import { type Progress, progressToStderr } from '../progress.js';
import { run, whyNot } from '../run.js';
import { together } from '../tools.js';
import { atLeast, findVersion, type Version, versionText } from '../version.js';
import { ensureDefinitions, whyNoDefinitions } from './definitions.js';
import { ensureGoTool, goBuild, goInstall, goModule, type GoTool, whyNoGoTool } from './go-tools.js';

const KUBERNETES_VERSION = '1.36.3';
const ENVOY_GATEWAY_VERSION = '1.9.1';
const ETCD_VERSION = '3.6.5';
const OLDEST_ETCD: Version = [3, 4, 0];
const OLDEST_PROMETHEUS: Version = [2, 40, 0];

/** Paths of what the test bed runs. */
export interface KubernetesTools {
  readonly etcd: string;
  readonly apiserver: string;
  readonly controllerManager: string;
  readonly envoyGateway: string;
  /** A folder of YAML files: the Gateway API's and Envoy Gateway's resource definitions. */
  readonly resourceDefinitions: string;
  /** The same of Istio and of KServe, for tests that want them. */
  readonly moreDefinitions: string;
  readonly envoy: string;
  readonly prometheus: string;
}

const COMPONENT_VERSION = 'k8s.io/component-base/version';

const KUBERNETES: GoTool = {
  name: 'kubernetes',
  version: KUBERNETES_VERSION,
  programs: { 'kube-apiserver': ['--version'], 'kube-controller-manager': ['--version'] },
  minutes: 10,
  build: (folder, signal) =>
    goBuild(
      'kubernetes',
      `${folder}/`,
      ['k8s.io/kubernetes/cmd/kube-apiserver', 'k8s.io/kubernetes/cmd/kube-controller-manager'],
      // As its own build does: without it, it calls itself v0.0.0-master.
      `-X ${COMPONENT_VERSION}.gitVersion=v${KUBERNETES_VERSION} -X ${COMPONENT_VERSION}.gitMajor=1 -X ${COMPONENT_VERSION}.gitMinor=36`,
      signal,
    ),
};

const ENVOY_GATEWAY_MODULE = 'github.com/envoyproxy/gateway';
const ENVOY_GATEWAY: GoTool = {
  name: 'envoy-gateway',
  version: ENVOY_GATEWAY_VERSION,
  programs: { 'envoy-gateway': ['version'] },
  minutes: 4,
  async build(folder, signal) {
    const source = await goModule(`${ENVOY_GATEWAY_MODULE}@v${ENVOY_GATEWAY_VERSION}`, signal);
    if ('why' in source) return source.why;
    await cp(
      join(source.folder, 'charts', 'gateway-helm', 'charts', 'crds', 'crds'),
      join(folder, RESOURCE_DEFINITIONS),
      { recursive: true },
    );
    return goInstall(
      folder,
      `${ENVOY_GATEWAY_MODULE}/cmd/envoy-gateway@v${ENVOY_GATEWAY_VERSION}`,
      // As its own build does: without it, it does not know its version.
      `-X ${ENVOY_GATEWAY_MODULE}/internal/cmd/version.envoyGatewayVersion=v${ENVOY_GATEWAY_VERSION}`,
      signal,
    );
  },
};
const RESOURCE_DEFINITIONS = 'resource-definitions';

const ETCD: GoTool = {
  name: 'etcd',
  version: ETCD_VERSION,
  programs: { etcd: ['--version'] },
  minutes: 2,
  async build(folder, signal) {
    const why = await goBuild('etcd', `${folder}/`, ['go.etcd.io/etcd/server/v3'], '', signal);
    if (why === undefined) await rename(join(folder, 'server'), join(folder, 'etcd'));
    return why;
  },
};

/**
 * All that the test bed runs: etcd and Prometheus from the PATH where they are new enough, the others from the cache,
 * built when they are not there (see `embedded/kubernetes/README.md`).
 *
 * @throws {EmbeddedError} of the first tool that cannot be got.
 */
export async function ensureKubernetesTools(progress: Progress = progressToStderr): Promise<KubernetesTools> {
  const prometheus = await findPrometheus();
  const [envoy, etcd, moreDefinitions, { kubernetes, gateway }] = await together((signal) => [
    ensureEnvoy(progress, signal),
    ensureEtcd(progress, signal),
    ensureDefinitions(progress, signal),
    // One after the other: a compiler for each core is enough.
    (async () => ({
      kubernetes: await ensureGoTool(KUBERNETES, progress, signal),
      gateway: await ensureGoTool(ENVOY_GATEWAY, progress, signal),
    }))(),
  ]);
  return {
    envoy,
    etcd,
    moreDefinitions,
    prometheus,
    apiserver: join(kubernetes, 'kube-apiserver'),
    controllerManager: join(kubernetes, 'kube-controller-manager'),
    envoyGateway: join(gateway, 'envoy-gateway'),
    resourceDefinitions: join(gateway, RESOURCE_DEFINITIONS),
  };
}

/** @returns the first tool that is not here and that cannot be got here; undefined where all can be. */
export async function whyNoKubernetesTools(): Promise<string | undefined> {
  const prometheus = await prometheusOnPath();
  if (prometheus !== undefined) return `no Prometheus on the PATH: ${prometheus}`;
  const etcd = (await etcdOnPath()) === undefined ? [] : [ETCD];
  for (const tool of [KUBERNETES, ENVOY_GATEWAY, ...etcd]) {
    const why = await whyNoGoTool(tool);
    if (why !== undefined) return why;
  }
  return whyNoDefinitions();
}

const prometheusOnPath = () => onPathAtLeast('prometheus', /prometheus, version (\S+)/, OLDEST_PROMETHEUS);
const etcdOnPath = () => onPathAtLeast('etcd', /etcd Version: (\S+)/, OLDEST_ETCD);

async function ensureEtcd(progress: Progress, signal: AbortSignal): Promise<string> {
  const onPath = await etcdOnPath();
  if (onPath === undefined) return 'etcd';
  if (!onPath.includes('ENOENT')) progress(`not using \`etcd\` from the PATH: ${onPath}`);
  return join(await ensureGoTool(ETCD, progress, signal), 'etcd');
}

async function findPrometheus(): Promise<string> {
  const why = await prometheusOnPath();
  if (why === undefined) return 'prometheus';
  throw new EmbeddedError(
    [
      `There is no Prometheus for the Kubernetes test bed: ${why}`,
      `Wanted: \`prometheus\` ${versionText(OLDEST_PROMETHEUS)} or later on the PATH.`,
      'Install it (prometheus.io; on Debian and Ubuntu: the package prometheus), and run this again.',
    ].join('\n'),
  );
}

/** @returns why not. */
async function onPathAtLeast(program: string, pattern: RegExp, oldest: Version): Promise<string | undefined> {
  const result = await run(program, ['--version'], { timeoutMs: 30_000 });
  if (result.code !== 0) return whyNot(result);
  const version = findVersion(result.output, pattern);
  if (version === undefined) return `\`${program} --version\` names no version: ${result.output}`;
  if (atLeast(version, oldest)) return undefined;
  return `it is ${versionText(version)}, and ${versionText(oldest)} is needed`;
}
