import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Agent, request } from 'undici';
import { findMarked } from '../../../host/processes.js';
import { until } from '../../../host/wait.js';

const MAIN = fileURLToPath(new URL('../../../dist/host/main.js', import.meta.url));
const WORKSPACE =
  '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/local';

/** A score.py whose answers and troubles the request chooses; `NAME` tells which deployment answered. */
const SCORE_PY = `
import json, os, time

def init():
    if os.environ.get("FAIL_INIT"):
        raise RuntimeError("init says no")
    while "WAIT_FOR" in os.environ and not os.path.exists(os.environ["WAIT_FOR"]):
        time.sleep(0.01)
    time.sleep(float(os.environ.get("SLOW_INIT_S", "0")))

def run(raw):
    ask = json.loads(raw) if raw else {}
    while "until" in ask and not os.path.exists(ask["until"]):
        time.sleep(0.01)
    time.sleep(ask.get("ms", 0) / 1000)
    if ask.get("fail"):
        raise ValueError("asked to fail")
    if ask.get("die"):
        os._exit(9)
    if ask.get("env"):
        return dict(os.environ)
    if ask.get("model"):
        return open(os.path.join(os.environ["AZUREML_MODEL_DIR"], ask["model"])).read()
    return {"name": os.environ.get("NAME", "none"), "pid": os.getpid()}
`;

export interface ArmAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  // The shapes are ARM's; tests look into them freely.

  readonly body: any;
}

export interface ScoreAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

interface HostFile {
  readonly pid: number;
  readonly url: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly gatewayUrl: string;
  readonly gatewayTlsUrl: string;
  readonly envoyAdminUrl: string;
}

/** Path of a tool that the run's set-up provides. */
function tool(name: string): string {
  const path = process.env[name];
  if (path === undefined) throw new Error(`${name} is not set; run the tests through npm test`);
  return path;
}

export interface InstanceRecord {
  readonly process?: { readonly pid: number };
  readonly port: number;
}

/** A real host with its own state folder, real Envoy and real model servers. */
export class TestHost {
  readonly folder: string;
  readonly state: string;
  /** Where the next host's log goes; a file may be given, open. */
  stderr: 'pipe' | number = 'pipe';
  #child: ChildProcess | undefined;
  #file: HostFile | undefined;
  #arm: Agent | undefined;
  readonly #client = new Agent({ connections: 64 });

  private constructor(folder: string) {
    this.folder = folder;
    this.state = join(folder, 'state');
  }

  /** @param options - more of the command line. */
  static async start(...options: string[]): Promise<TestHost> {
    const host = new TestHost(await mkdtemp(join(tmpdir(), 'greenlight-host-')));
    await mkdir(join(host.folder, 'code'));
    await writeFile(join(host.folder, 'code', 'score.py'), SCORE_PY);
    await host.run(...options);
    return host;
  }

  /** Starts the host's process, and returns once it listens. */
  async run(...options: string[]): Promise<void> {
    this.#child = this.spawn(...options);
    let log = '';
    this.#child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const child = this.#child;
    const hostFile = join(this.state, 'host.json');
    const pid = child.pid;
    const listens = (): boolean => {
      if (child.exitCode !== null) throw new Error(`the host ended with ${child.exitCode}: ${log}`);
      if (!existsSync(hostFile)) return false;
      this.#file = JSON.parse(readFileSync(hostFile, 'utf8')) as HostFile;
      return this.#file.pid === pid;
    };
    if (!(await until(listens, { timeoutMs: 60_000 }))) throw new Error(`the host does not listen: ${log}`);
    await this.#arm?.close();
    this.#arm = new Agent({ connect: { ca: readFileSync(this.file.caFile, 'utf8') } });
  }

  spawn(...more: string[]): ChildProcess {
    return spawn(
      process.execPath,
      [
        MAIN,
        ...['--state', this.state],
        ...['--envoy', tool('GREENLIGHT_ENVOY')],
        ...['--python', tool('GREENLIGHT_MODEL_SERVER_PYTHON')],
        ...more,
      ],
      { stdio: ['ignore', 'ignore', this.stderr], env: { ...process.env, SECRET_OF_THE_HOST: 'secret' } },
    );
  }

  get file(): HostFile {
    if (!this.#file) throw new Error('the host was not started');
    return this.#file;
  }

  /** Ends the host's process alone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  /** Ends all with the stop command. @returns its exit code. */
  async stop(): Promise<number | null> {
    const child = spawn(process.execPath, [MAIN, 'stop', '--state', this.state], { stdio: 'ignore' });
    await once(child, 'exit');
    return child.exitCode;
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.#arm?.destroy();
    await this.#client.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }

  get stateRecord(): {
    id: string;
    envoy: { pid: number };
    endpoints: Record<
      string,
      {
        deployments: Record<string, { instances: Record<string, InstanceRecord> }>;
      }
    >;
  } {
    return JSON.parse(readFileSync(join(this.state, 'state.json'), 'utf8')) as TestHost['stateRecord'];
  }

  /** Processes that belong to this host's folder now, by their mark. */
  processes(): ReturnType<typeof findMarked> {
    return findMarked(this.stateRecord.id);
  }

  /** Oldest first. */
  instances(endpoint: string, deployment: string): readonly InstanceRecord[] {
    const record = this.stateRecord.endpoints[`local/${endpoint}`]?.deployments[deployment];
    return Object.values(record?.instances ?? {});
  }

  instancePids(endpoint: string, deployment: string): number[] {
    return this.instances(endpoint, deployment).flatMap((instance) => instance.process?.pid ?? []);
  }

  async arm(
    method: string,
    path: string,
    body?: unknown,
    options: {
      readonly apiVersion?: string | null;
      readonly token?: string | null;
      readonly raw?: string;
    } = {},
  ): Promise<ArmAnswer> {
    const url = new URL(
      path.startsWith('https:')
        ? path
        : `${this.file.url}${/^\/(sub|metrics)/.test(path) ? '' : WORKSPACE}${path}`,
    );
    const { apiVersion = '2023-04-01', token = readFileSync(this.file.tokenFile, 'utf8').trim() } = options;
    if (apiVersion !== null && !url.searchParams.has('api-version'))
      url.searchParams.set('api-version', apiVersion);
    const answer = await request(url, {
      method: method as 'GET',
      dispatcher: this.#arm!,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...((body !== undefined || options.raw !== undefined) && { 'content-type': 'application/json' }),
      },
      body: options.raw ?? (body === undefined ? null : JSON.stringify(body)),
    });
    const text = await answer.body.text();
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: text === '' ? undefined : /^[[{]/.test(text) ? JSON.parse(text) : text,
    };
  }

  /** Says how long a body will be, and listens before sending any of it. */
  async announce(method: string, path: string, length: number): Promise<ArmAnswer> {
    const sent = httpsRequest(`${this.file.url}${WORKSPACE}${path}?api-version=2023-04-01`, {
      method,
      ca: readFileSync(this.file.caFile),
      headers: {
        authorization: `Bearer ${readFileSync(this.file.tokenFile, 'utf8').trim()}`,
        'content-type': 'application/json',
        'content-length': length,
      },
    });
    sent.flushHeaders();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const body: unknown = JSON.parse(await text(answer));
    sent.on('error', () => undefined); // the host hangs up on it
    sent.destroy();
    return { status: answer.statusCode ?? 0, headers: answer.headers, body };
  }

  /** Waits until the operation that a call began has ended. @returns its last status. */
  async ended(
    call: ArmAnswer | Promise<ArmAnswer>,
  ): Promise<{ status: string; error?: { code: string; message: string } }> {
    const answer = await call;
    const url = answer.headers['azure-asyncoperation'];
    if (typeof url !== 'string')
      throw new Error(`no operation: ${answer.status} ${JSON.stringify(answer.body)}`);
    for (;;) {
      const { body } = await this.arm('GET', url);
      if (body.status !== 'InProgress') return body;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** A call that has to go through. */
  async done(method: string, path: string, body?: unknown): Promise<void> {
    const { status, error } = await this.ended(this.arm(method, path, body));
    if (status !== 'Succeeded') throw new Error(`${method} ${path}: ${status} ${error?.message}`);
  }

  endpointBody(traffic: Record<string, number> = {}, mirrorTraffic: Record<string, number> = {}): object {
    return { location: 'local', properties: { authMode: 'Key', traffic, mirrorTraffic } };
  }

  deploymentBody(
    name: string,
    options: { capacity?: number; properties?: object; env?: object } = {},
  ): object {
    return {
      location: 'local',
      sku: { name: 'Default', capacity: options.capacity ?? 1 },
      properties: {
        endpointComputeType: 'Managed',
        codeConfiguration: {
          codeId: pathToFileURL(join(this.folder, 'code')).href,
          scoringScript: 'score.py',
        },
        environmentVariables: { NAME: name, ...options.env },
        // Room for a stall of a busy machine; who tests the limit gives its own.
        requestSettings: { maxConcurrentRequestsPerInstance: 8, requestTimeout: 'PT10S' },
        ...options.properties,
      },
    };
  }

  async deploy(
    endpoint: string,
    name: string,
    options: Parameters<TestHost['deploymentBody']>[1] = {},
  ): Promise<void> {
    await this.done(
      'PUT',
      `/onlineEndpoints/${endpoint}/deployments/${name}`,
      this.deploymentBody(name, options),
    );
  }

  async setTraffic(
    endpoint: string,
    live: Record<string, number>,
    mirror: Record<string, number> = {},
  ): Promise<void> {
    await this.done('PUT', `/onlineEndpoints/${endpoint}`, this.endpointBody(live, mirror));
  }

  async key(endpoint: string): Promise<string> {
    return (await this.arm('POST', `/onlineEndpoints/${endpoint}/listKeys`)).body.primaryKey as string;
  }

  async score(
    endpoint: string,
    key: string | null,
    ask: object = {},
    headers: Record<string, string> = {},
  ): Promise<ScoreAnswer> {
    const answer = await request(`${this.file.gatewayUrl}/local/${endpoint}/score`, {
      method: 'POST',
      dispatcher: this.#client,
      headers: {
        'content-type': 'application/json',
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...headers,
      },
      body: JSON.stringify(ask),
    });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  }

  /** One of Envoy's counters; 0 while there is none. */
  async counter(name: string): Promise<number> {
    const url = `${this.file.envoyAdminUrl}/stats?format=json&filter=${encodeURIComponent(`^${name.replaceAll('.', '\\.')}$`)}`;
    const { stats } = (await (await request(url)).body.json()) as { stats: { value?: number }[] };
    return stats[0]?.value ?? 0;
  }
}

/** Sends requests with a few workers, as many as it is told or until it is stopped. */
export class Load {
  readonly answers: ScoreAnswer[] = [];
  readonly failures: unknown[] = [];
  #left: number;
  readonly #workers: Promise<void>[];

  constructor(workers: number, send: () => Promise<ScoreAnswer>, count = Number.POSITIVE_INFINITY) {
    this.#left = count;
    this.#workers = Array.from({ length: workers }, async () => {
      while (this.#left > 0) {
        this.#left--;
        try {
          this.answers.push(await send());
        } catch (error) {
          this.failures.push(error);
        }
      }
    });
  }

  async finished(): Promise<void> {
    await Promise.all(this.#workers);
  }

  async stop(): Promise<void> {
    this.#left = 0;
    await this.finished();
  }

  /** Answers by status, and requests without an answer. */
  summary(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { status } of this.answers) counts[status] = (counts[status] ?? 0) + 1;
    if (this.failures.length > 0) counts['none'] = this.failures.length;
    return counts;
  }

  by(deployment: string): number {
    return this.answers.filter((answer) => answer.headers['azureml-model-deployment'] === deployment).length;
  }
}
