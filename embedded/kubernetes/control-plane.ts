import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { type Daemon, ensureDaemon } from '../daemons.js';
import { get } from './http.js';
import type { KubernetesTools } from './tools.js';

/** Of the namespace's bridge: an API server takes no loopback address as its own. */
export const NODE_ADDRESS = '10.244.0.1';
const ETCD = 'http://127.0.0.1:2379';
const READY_WITHIN_MS = 120_000;

/** Names of the controllers that run: those that a cluster without real nodes can use. */
const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'endpointslice-controller',
  'endpoints-controller',
  'garbage-collector-controller',
  'horizontal-pod-autoscaler-controller',
  'namespace-controller',
  'resourcequota-controller',
  'serviceaccount-controller',
];

export type ControlPlanePart = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';

/** etcd, kube-apiserver and kube-controller-manager, each a process that can be killed and started again. */
export class ControlPlane {
  readonly #folder: string;
  readonly #tools: KubernetesTools;
  /** An administrator's. */
  readonly kubeConfigFile: string;

  constructor(folder: string, tools: KubernetesTools) {
    this.#folder = folder;
    this.#tools = tools;
    this.kubeConfigFile = join(folder, 'admin.kubeconfig');
  }

  /** Safe to repeat: what runs is left alone, what died is started again, and its data is still there. */
  async start(): Promise<void> {
    await this.startPart('etcd');
    await this.startPart('kube-apiserver');
    await this.startPart('kube-controller-manager');
  }

  async startPart(part: ControlPlanePart): Promise<void> {
    switch (part) {
      case 'etcd':
        return this.#startEtcd();
      case 'kube-apiserver':
        return this.#startApiserver();
      case 'kube-controller-manager':
        return this.#startControllerManager();
    }
  }

  kubeConfig(): KubeConfig {
    const config = new KubeConfig();
    config.loadFromFile(this.kubeConfigFile);
    return config;
  }

  /** The text of a kubeconfig for another user of this cluster. */
  async kubeConfigFor(user: string, token: string, namespace = 'default'): Promise<string> {
    const ca = await readFile(join(this.#folder, 'apiserver-certs', 'apiserver.crt'));
    return `${JSON.stringify(
      {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'bed',
        clusters: [
          {
            name: 'bed',
            cluster: {
              server: 'https://127.0.0.1:6443',
              'certificate-authority-data': ca.toString('base64'),
            },
          },
        ],
        users: [{ name: user, user: { token } }],
        contexts: [{ name: 'bed', context: { cluster: 'bed', user, namespace } }],
      },
      null,
      2,
    )}\n`;
  }

  async #startEtcd(): Promise<void> {
    await this.#run(
      'etcd',
      this.#tools.etcd,
      [
        ...['--name', 'bed', '--data-dir', join(this.#folder, 'etcd'), '--log-level', 'warn'],
        ...['--listen-client-urls', ETCD, '--advertise-client-urls', ETCD],
        ...[
          '--listen-peer-urls',
          'http://127.0.0.1:2380',
          '--initial-advertise-peer-urls',
          'http://127.0.0.1:2380',
        ],
        ...['--initial-cluster', 'bed=http://127.0.0.1:2380'],
        // A test bed that loses power starts anew: no waiting for the disk.
        '--unsafe-no-fsync',
      ],
      () => get(`${ETCD}/health`),
    );
  }

  async #startApiserver(): Promise<void> {
    const certificates = join(this.#folder, 'apiserver-certs');
    const { key, token } = await this.#secrets();
    await this.#run(
      'kube-apiserver',
      this.#tools.apiserver,
      [
        `--etcd-servers=${ETCD}`,
        '--bind-address=127.0.0.1',
        `--advertise-address=${NODE_ADDRESS}`,
        '--secure-port=6443',
        `--cert-dir=${certificates}`,
        '--service-cluster-ip-range=10.96.0.0/16',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${key}`,
        `--service-account-signing-key-file=${key}`,
        `--token-auth-file=${token.file}`,
        '--authorization-mode=RBAC',
        // Pods are processes here: nothing mounts tokens for them.
        '--disable-admission-plugins=ServiceAccount',
      ],
      async () => {
        const answer = await get('https://127.0.0.1:6443/readyz', token.value);
        return answer === 'ok' ? answer : undefined;
      },
    );
    await writeFile(this.kubeConfigFile, await this.kubeConfigFor('admin', token.value), { mode: 0o600 });
  }

  async #startControllerManager(): Promise<void> {
    const { key } = await this.#secrets();
    await this.#run(
      'kube-controller-manager',
      this.#tools.controllerManager,
      [
        `--kubeconfig=${this.kubeConfigFile}`,
        `--controllers=${CONTROLLERS.join(',')}`,
        `--service-account-private-key-file=${key}`,
        '--leader-elect=false',
        '--bind-address=127.0.0.1',
        '--secure-port=10257',
        `--cert-dir=${join(this.#folder, 'controller-manager-certs')}`,
      ],
      () => get('https://127.0.0.1:10257/healthz'),
    );
  }

  async #run(
    name: ControlPlanePart,
    command: string,
    args: readonly string[],
    probe: (daemon: Daemon) => Promise<string | undefined>,
  ): Promise<void> {
    await ensureDaemon(this.#folder, { name, command, args }, probe, READY_WITHIN_MS);
  }

  /** Made at the first start: the key that signs service accounts' tokens, and the administrator's token. */
  async #secrets() {
    const key = join(this.#folder, 'service-accounts.key');
    const file = join(this.#folder, 'tokens.csv');
    const known = await readFile(file, 'utf8').catch(() => undefined);
    if (known !== undefined) return { key, token: { file, value: known.split(',', 1)[0] ?? '' } };
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const value = randomBytes(16).toString('hex');
    await writeFile(file, `${value},admin,admin,"system:masters"\n`, { mode: 0o600 });
    return { key, token: { file, value } };
  }
}
