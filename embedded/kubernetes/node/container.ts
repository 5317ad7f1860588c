import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Container, V1ContainerState, V1Probe } from '@kubernetes/client-node';
import { ask, type Probed } from './probe.js';

export interface ContainerOptions {
  readonly container: V1Container;
  /** The image's program, for a container without a `command`. */
  readonly entrypoint: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly logFile: string;
  readonly address: string;
  readonly enter: readonly string[];
  readonly onChange: () => void;
}

/** The kubelet waits 10 s to 5 min before it starts again what ended; a test bed has less time. */
const BACK_OFF_MS = [500, 1_000, 2_000, 5_000, 10_000];

/** One container of a pod: its process, started again when it ends, and its probes. */
export class Container {
  restarts = 0;
  ready = false;
  started = false;
  state: V1ContainerState = { waiting: { reason: 'ContainerCreating' } };
  lastState: V1ContainerState = {};
  readonly #options: ContainerOptions;
  #child: ChildProcess | undefined;
  #ending = new AbortController();

  constructor(options: ContainerOptions) {
    this.#options = options;
  }

  get container(): V1Container {
    return this.#options.container;
  }

  /** Runs until `end` is called. */
  async run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const life = new AbortController();
      const ended = this.#start();
      const probing = this.#probe(AbortSignal.any([signal, life.signal])).catch(() => undefined);
      const state = await ended;
      life.abort();
      await probing;
      this.ready = this.started = false;
      this.lastState = { terminated: state };
      if (signal.aborted) {
        this.#become({ terminated: state });
        return;
      }
      const backOffMs = BACK_OFF_MS[Math.min(this.restarts, BACK_OFF_MS.length - 1)] ?? 0;
      this.#become({
        waiting: {
          reason: 'CrashLoopBackOff',
          message: `back-off ${backOffMs / 1000}s restarting failed container`,
        },
      });
      await sleep(backOffMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) this.restarts += 1;
    }
  }

  /** The preStop hook, SIGTERM, and SIGKILL when the grace period is over. */
  async end(graceMs: number): Promise<void> {
    const endAt = Date.now() + graceMs;
    const hook = this.container.lifecycle?.preStop;
    const hookMs = hook?.sleep ? hook.sleep.seconds * 1000 : sleepOf(hook?.exec?.command);
    if (hookMs > 0) await sleep(Math.min(hookMs, graceMs));
    this.#ending.abort();
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    signalGroup(child, 'SIGTERM');
    const late = setTimeout(() => signalGroup(child, 'SIGKILL'), Math.max(0, endAt - Date.now()));
    await gone;
    clearTimeout(late);
    // Helpers that it left behind.
    signalGroup(child, 'SIGKILL');
  }

  /** SIGKILL now, as the kernel does when memory is short; it is started again. */
  kill(): void {
    if (this.#child) signalGroup(this.#child, 'SIGKILL');
  }

  #start(): Promise<NonNullable<V1ContainerState['terminated']>> {
    const { entrypoint, container, env, enter, folder, logFile } = this.#options;
    const expand = (text: string) =>
      text.replace(/\$\(([A-Za-z_][\w.-]*)\)/g, (all, name: string) => env[name] ?? all);
    const command = [...(container.command ?? entrypoint), ...(container.args ?? [])].map(expand);
    const [program = '', ...args] = [...enter, ...command];
    const startedAt = new Date();
    const log = openSync(logFile, 'a');
    return new Promise((resolve) => {
      const child = spawn(program, args, {
        detached: true,
        cwd: container.workingDir ?? folder,
        env,
        stdio: ['ignore', log, log],
      });
      closeSync(log);
      this.#child = child;
      const end = (exitCode: number, reason: string, message?: string) =>
        resolve({
          exitCode,
          reason,
          startedAt,
          finishedAt: new Date(),
          ...(message !== undefined && { message }),
        });
      child.once('error', (error) => end(128, 'StartError', error.message));
      child.once('exit', (code, signal) => {
        const exitCode = code ?? 128 + (signal === 'SIGKILL' ? 9 : 15);
        end(exitCode, exitCode === 0 ? 'Completed' : 'Error');
      });
      child.once('spawn', () => this.#become({ running: { startedAt } }));
    });
  }

  /** The startup probe first, then the other two side by side. */
  async #probe(signal: AbortSignal): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.container;
    if (startupProbe) {
      const up = await this.#until(startupProbe, signal);
      if (!up) return this.kill();
    }
    this.started = true;
    await Promise.all([
      readinessProbe
        ? this.#keepAsking(readinessProbe, signal, (well) => this.#setReady(well))
        : this.#setReady(true),
      livenessProbe && this.#keepAsking(livenessProbe, signal, (well) => (well ? undefined : this.kill())),
    ]);
  }

  /** @returns whether it was well before it failed too often. */
  async #until(probe: V1Probe, signal: AbortSignal): Promise<boolean> {
    let answer: boolean | undefined;
    const done = new AbortController();
    await this.#keepAsking(probe, AbortSignal.any([signal, done.signal]), (well) => {
      answer = well;
      done.abort();
    });
    return answer ?? true;
  }

  /** Says `well` and `not well` when the thresholds are reached; readiness begins as not well. */
  async #keepAsking(probe: V1Probe, signal: AbortSignal, say: (well: boolean) => void): Promise<void> {
    const where: Probed = this.#options;
    let inARow = 0;
    let last: boolean | undefined;
    await sleep((probe.initialDelaySeconds ?? 0) * 1000, undefined, { signal }).catch(() => undefined);
    while (!signal.aborted) {
      const why = await ask(probe, where);
      if (signal.aborted) return;
      const well = why === undefined;
      inARow = well === last ? inARow + 1 : 1;
      last = well;
      if (inARow >= (well ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3))) say(well);
      await sleep((probe.periodSeconds ?? 10) * 1000, undefined, { signal }).catch(() => undefined);
    }
  }

  #setReady(ready: boolean): void {
    if (this.ready === ready) return;
    this.ready = ready;
    this.#options.onChange();
  }

  #become(state: V1ContainerState): void {
    this.state = state;
    this.#options.onChange();
  }
}

/** `sleep 5` as a preStop command is common; it is all that this node runs of them. */
function sleepOf(command: readonly string[] | undefined): number {
  const seconds = /(?:^|[ /])sleep (\d+(?:\.\d+)?)/.exec(command?.join(' ') ?? '')?.[1];
  return seconds === undefined ? 0 : Number(seconds) * 1000;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // Nobody left.
  }
}
