import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { greenlight } from '../../demo/command.js';
import { temporalSettings } from '../../embedded/connection.js';
import { startStack, stopStack } from '../../embedded/stack.js';
import { ensureTools } from '../../embedded/tools.js';
import type { Fault } from './faults.js';

/**
 * Answers after a lognormal time (median 180 ms, p95 271 ms, p99 322 ms), so that a limit of 500 ms is met by a good
 * version and by one half slower, and not by one three times slower. Its trouble is in a file, so that a healthy version
 * can fall ill at a chosen moment.
 */
const MODEL = `
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
const fault = () => { try { return JSON.parse(readFileSync(process.env.FAULT_FILE, 'utf8')); } catch { return {}; } };
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
createServer((request, response) => {
  request.resume();
  if (request.method === 'GET') return response.end();
  const { errors = 0, slower = 1 } = fault();
  setTimeout(() => {
    if (Math.random() < errors) response.statusCode = 500;
    response.end('{"version":"bench","predictions":[1]}');
  }, 180 * slower * Math.exp(0.25 * normal()));
}).listen(Number(process.argv[2]), '127.0.0.1');
`;

const Keys = z.object({ primary: z.string() });
const Shown = z.object({ scoringUri: z.string() });

/** One stack with endpoints whose green can be made ill. */
export class World {
  readonly client: Client;
  readonly #folder: string;

  private constructor(folder: string, client: Client) {
    this.#folder = folder;
    this.client = client;
  }

  static async start(): Promise<World> {
    await ensureTools();
    const folder = await mkdtemp(join(tmpdir(), 'greenlight-bench-'));
    const state = join(folder, 'state');
    try {
      await mkdir(join(folder, 'code'));
      await writeFile(join(folder, 'code', 'model.mjs'), MODEL);
      await startStack({ state });
      const { connectionOptions, namespace } = await temporalSettings(state);
      const connection = await Connection.connect(connectionOptions);
      return new World(folder, new Client({ connection, namespace }));
    } catch (error) {
      await stopStack({ state });
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.client.connection.close();
    await stopStack({ state: this.#state });
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** An endpoint with blue behind it. */
  async endpoint(name: string): Promise<{ readonly scoringUri: string; readonly key: string }> {
    const blue = await this.#deploymentFile(name, 'blue');
    await this.command(['endpoint', 'create', name, '--deployment', blue], 0);
    const { scoringUri } = Shown.parse(await this.command(['endpoint', 'show', name], 0));
    const { primary: key } = Keys.parse(await this.command(['endpoint', 'keys', name], 0));
    return { scoringUri, key };
  }

  /** A spec of a rollout of green; `body` is all of it but the endpoint and the deployment. */
  async spec(endpoint: string, body: string): Promise<string> {
    const green = await this.#deploymentFile(endpoint, 'green');
    const file = join(this.#folder, `${endpoint}.yml`);
    await writeFile(file, `endpoint: ${endpoint}\ndeployment: ${green}\n${body}`);
    return file;
  }

  /** From now on green of the endpoint is ill, or healthy again. */
  async makeIll(endpoint: string, fault: Fault | null): Promise<void> {
    await writeFile(this.#faultFile(endpoint, 'green'), JSON.stringify(fault?.does ?? {}));
  }

  /** @throws when a command ends with another exit code than that. */
  async command(args: readonly string[], wanted: number): Promise<unknown> {
    const said: string[] = [];
    const { exitCode, value } = await greenlight(args, {
      state: this.#state,
      signal: new AbortController().signal,
      onLine: (line) => said.push(line),
    });
    if (exitCode === wanted) return value;
    throw new Error(
      `greenlight ${args.join(' ')} ended with ${exitCode}, wanted ${wanted}:\n${said.join('\n')}`,
    );
  }

  get #state(): string {
    return join(this.#folder, 'state');
  }

  #faultFile(endpoint: string, deployment: string): string {
    return join(this.#folder, `${endpoint}-${deployment}.json`);
  }

  async #deploymentFile(endpoint: string, deployment: string): Promise<string> {
    const file = join(this.#folder, `${endpoint}-${deployment}.yml`);
    const text = {
      name: deployment,
      endpoint_name: endpoint,
      type: 'managed',
      code_configuration: { code: './code', scoring_script: 'model.mjs' },
      properties: { 'greenlight.command': JSON.stringify([process.execPath, 'model.mjs', '{port}']) },
      environment_variables: { FAULT_FILE: this.#faultFile(endpoint, deployment) },
      instance_type: 'Standard_DS3_v2',
      instance_count: 1,
      request_settings: { max_concurrent_requests_per_instance: 500, request_timeout_ms: 5000 },
      readiness_probe: { initial_delay: 1, period: 1 },
      liveness_probe: { initial_delay: 1, period: 5 },
    };
    // JSON is YAML too.
    await writeFile(file, JSON.stringify(text));
    return file;
  }
}
