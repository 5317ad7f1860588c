import { existsSync, readFileSync, statSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { delimiter, dirname, join, resolve } from 'node:path';
import { findHomeDir, KubeConfig, loadYaml, type Cluster, type User } from '@kubernetes/client-node';
import { NO_CLUSTER } from '../../core/failures.js';
import { PortError } from '../ports.js';

/**
 * One context of the kubeconfig that kubectl would take: `KUBECONFIG`, else `~/.kube/config`, else the service account of
 * the pod.
 *
 * Its files are read again when they have changed: a token that somebody renews there serves from the next call on. What
 * it leads to stays: another current context is no reason to look for the endpoint in another cluster.
 */
export class Kubeconfig {
  readonly cluster: Cluster;
  #config: KubeConfig;
  /** Of the files that it was read from; undefined: they are to be read again, whatever theirs is. */
  #version: string | undefined;

  /**
   * @param context - one of its contexts; default its current one.
   * @throws {PortError} permanent `NoCluster`, where it names no cluster, or has no such context.
   */
  constructor(context?: string) {
    this.#version = versionOfFiles();
    this.#config = load(context);
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null) {
      throw noCluster(
        `the kubeconfig's ${context === undefined ? 'current context' : `context "${context}"`} names no cluster; ` +
          `it has the contexts ${namesOf(this.#config)}. Set KUBECONFIG, or name one of them`,
      );
    }
    this.cluster = cluster;
  }

  /** What a request bears now: headers, certificates, an agent. */
  async credential(): Promise<RequestOptions> {
    this.#renew();
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const headers = { ...(options.headers as Record<string, string>) };
    // The file of a token may end in a new line, a header may not.
    for (const [name, value] of Object.entries(headers)) headers[name] = value.trim();
    return { ...options, headers };
  }

  /** The API server did not accept what a request bore: what client-node remembers of plugins and files is forgotten. */
  refused(): void {
    this.#version = undefined;
  }

  /** What cannot be read, as it may be half written, changes nothing for now. */
  #renew(): void {
    try {
      const version = versionOfFiles();
      if (version === this.#version) return;
      const config = load(this.#config.getCurrentContext());
      if (config.getCurrentCluster()?.server !== this.cluster.server) return;
      // `users` is what kubectl writes last: without it, what is half written is whole YAML.
      if (config.getCurrentUser() === null && this.#config.getCurrentUser() !== null) return;
      this.#config = config;
      this.#version = version;
    } catch {
      // The next call looks again, and until then the credential may still do.
    }
  }
}

/** Those that are there, of where client-node looks: but for what Windows lends from Linux. */
function files(): readonly string[] {
  const named = process.env['KUBECONFIG'];
  const home = findHomeDir();
  const all = named ? named.split(delimiter) : home === null ? [] : [join(home, '.kube', 'config')];
  return all.filter((file) => existsSync(file));
}

function versionOfFiles(): string {
  return files()
    .map((file) => {
      const { ino, mtimeMs, size } = statSync(file);
      return `${file} ${ino}/${mtimeMs}/${size}`;
    })
    .join('\n');
}

function load(context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
    config.users = withTokenFiles(config.users);
  } catch (cause) {
    throw noCluster(`the kubeconfig cannot be read: ${whyUnread(cause)}`);
  }
  if (context === undefined) return config;
  if (config.getContextObject(context) === null) {
    throw noCluster(`the kubeconfig has no context "${context}"; it has ${namesOf(config)}`);
  }
  config.setCurrentContext(context);
  return config;
}

/** Of a kubeconfig, what client-node does not know. */
interface TokenFiles {
  readonly users?:
    readonly { readonly name: string; readonly user?: { readonly tokenFile?: string } | null }[] | null;
}

/**
 * A user's `tokenFile` goes before its `token`. client-node passes it over; the form that it has for the service account
 * of a pod it reads again each minute.
 */
function withTokenFiles(users: readonly User[]): User[] {
  const named = new Map<string, string>();
  for (const file of files()) {
    for (const { name, user } of loadYaml<TokenFiles>(readFileSync(file, 'utf8')).users ?? []) {
      if (user?.tokenFile) named.set(name, resolve(dirname(file), user.tokenFile));
    }
  }
  return users.map((user) => {
    const tokenFile = named.get(user.name);
    if (tokenFile === undefined) return user;
    const { token: _, ...rest } = user;
    return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile } } };
  });
}

/** The YAML parser quotes the file, where tokens and keys stand: of what it says, the place alone is told. */
function whyUnread(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const { mark } = cause as { readonly mark?: { readonly line: number; readonly column: number } };
  return mark === undefined
    ? cause.message
    : `it is no YAML at line ${mark.line + 1}, column ${mark.column + 1}`;
}

function namesOf(config: KubeConfig): string {
  return (
    config
      .getContexts()
      .map(({ name }) => name)
      .join(', ') || 'none'
  );
}

function noCluster(why: string): PortError {
  return new PortError(`There is no Kubernetes cluster to ask: ${why}`, {
    kind: 'permanent',
    code: NO_CLUSTER,
  });
}
