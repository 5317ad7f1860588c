import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findInSessions, findMarked, isAlive, signal as sendSignal, connectionsTo } from '../processes.js';
import { freePort } from '../ports.js';
import type { DeploymentRecord, InstanceRecord, ProcessRef } from '../state/model.js';
import { messageOf, sleep, until } from '../wait.js';
import { BackOff } from './back-off.js';
import { durationMs } from './duration.js';
import { watchInstance } from './instance-watch.js';
import { launchOf } from './launch.js';
import { boundLog, pruneLogs, tailOf } from './logs.js';
import { judgeStart, planScaling, startingSince, type StartVerdict } from './plan.js';
import { startDeadlineMs } from './probe.js';
import { settingsOf } from './settings.js';
import { spawnDetached } from './spawn.js';
import type { ServingContext } from './supervisor.js';

const TURN_MS = 200;
const LOG_LINES_IN_ERROR = 30;

interface Ends {
  readonly failedStarts: number;
  readonly lastExit?: string;
  readonly lastInstance?: string;
}
const NO_ENDS: Ends = { failedStarts: 0 };

/** Makes the processes of one deployment what its record says, for as long as the host lives. */
export class DeploymentRunner {
  readonly #context: ServingContext;
  readonly #workspace: string;
  readonly #endpoint: string;
  readonly #deployment: DeploymentRecord;
  readonly #stop = new AbortController();
  readonly #watches = new Map<string, AbortController>();
  readonly #exits = new Map<string, string>();
  readonly #draining = new Set<string>();
  readonly #watchedSinceMs = Date.now();
  /** Instances of an earlier host that this one has not seen alive. */
  readonly #unseen: Set<string>;
  #retired = false;
  #backOff = new BackOff();
  #wantedSinceMs = this.#watchedSinceMs;
  /** Ends of instances of the wanted generation. */
  #ends: Ends = NO_ENDS;
  #loop: Promise<void> | undefined;
  #lastLogLook = 0;
  #lastCrashMs = 0;

  constructor(context: ServingContext, workspace: string, endpoint: string, deployment: DeploymentRecord) {
    this.#context = context;
    this.#workspace = workspace;
    this.#endpoint = endpoint;
    this.#deployment = deployment;
    this.#unseen = new Set(Object.keys(deployment.instances));
    setMaxListeners(0, this.#stop.signal);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Stops looking after the processes, and leaves them running. */
  async release(): Promise<void> {
    this.#stop.abort();
    for (const watch of this.#watches.values()) watch.abort();
    await this.#loop;
  }

  /** Ends all instances, each once no request is in it any more. */
  async retire(): Promise<void> {
    this.#retired = true;
    await until(() => Object.keys(this.#deployment.instances).length === 0, {
      timeoutMs: Number.POSITIVE_INFINITY,
      signal: this.#stop.signal,
    });
  }

  /** Forgets earlier failures: a new PUT is a new chance. */
  renew(): void {
    this.#ends = NO_ENDS;
    this.#wantedSinceMs = Date.now();
    this.#backOff = new BackOff();
  }

  verdict(): StartVerdict {
    return judgeStart(
      this.#deployment,
      {
        failedStarts: this.#ends.failedStarts,
        lastExit: this.#ends.lastExit,
        watchedSinceMs: this.#watchedSinceMs,
        wantedSinceMs: this.#wantedSinceMs,
      },
      startDeadlineMs(this.#deployment.properties.readinessProbe),
      Date.now(),
    );
  }

  /** End of the log of whichever instance explains best why the deployment does not get ready. */
  async failureLog(): Promise<string> {
    const starting = Object.values(this.#deployment.instances).find(
      (i) => i.generation === this.#deployment.generation && i.state !== 'ready',
    );
    const id = this.#ends.lastInstance ?? starting?.id;
    return id === undefined ? '' : tailOf(this.#logPath(id), LOG_LINES_IN_ERROR, 16 * 1024);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#turn();
      } catch (error) {
        this.#context.log.error({ ...this.#names(), err: error }, 'Looking after a deployment went wrong');
      }
      await sleep(TURN_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #turn(): Promise<void> {
    for (const instance of Object.values(this.#deployment.instances)) await this.#look(instance);
    const plan = planScaling(this.#deployment, this.#retired);
    for (const instance of plan.drain) {
      instance.state = 'draining';
      this.#watches.get(instance.id)?.abort();
      this.#context.membershipChanged();
    }
    if (plan.drain.length > 0) await this.#context.store.save();
    this.#crashIfAsked();
    if (this.#backOff.mayStart(Date.now())) {
      for (const generation of plan.start) {
        if (!this.#stop.signal.aborted) await this.#launch(generation);
      }
    }
    if (Date.now() - this.#lastLogLook > 5_000) {
      this.#lastLogLook = Date.now();
      for (const id of Object.keys(this.#deployment.instances)) await boundLog(this.#logPath(id));
    }
  }

  async #look(instance: InstanceRecord): Promise<void> {
    const lives = instance.process !== undefined && isAlive(instance.process);
    if (lives) this.#unseen.delete(instance.id);
    if (instance.state === 'draining') {
      if (!this.#draining.has(instance.id)) {
        this.#draining.add(instance.id);
        this.#context.background(this.#drain(instance));
      }
      return;
    }
    if (!lives) {
      await this.#died(instance, this.#exits.get(instance.id) ?? 'it ended while the host was not looking');
      return;
    }
    const deadline = startDeadlineMs(settingsOf(this.#deployment, instance.generation).readinessProbe);
    const sinceMs = startingSince(instance, this.#watchedSinceMs);
    if (instance.state === 'starting' && Date.now() - sinceMs > deadline + TURN_MS * 5) {
      await this.#kill(instance, 'it did not get ready in time');
      return;
    }
    if (!this.#watches.has(instance.id)) this.#watch(instance);
  }

  #watch(instance: InstanceRecord): void {
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    this.#watches.set(instance.id, stop);
    const become = (state: 'ready' | 'unready', message: string): void => {
      instance.state = state;
      this.#context.log.info({ ...this.#names(), instance: instance.id, port: instance.port }, message);
      this.#context.membershipChanged();
      this.#context.background(this.#context.store.save());
    };
    const events = {
      ready: () => {
        become('ready', 'Instance is ready');
      },
      unready: () => {
        become('unready', 'Instance fails its readiness probe; no requests go to it');
      },
      // Asked on until it is forgotten: where it cannot be ended now, its next failure is another try.
      dead: () => {
        this.#context.background(this.#kill(instance, 'it failed its liveness probe'));
      },
    };
    this.#context.background(
      watchInstance(this.#deployment, instance, events, stop.signal, this.#slowStartMs()),
    );
  }

  /** How long a new instance counts as not ready, because somebody asked for it. */
  #slowStartMs(): number {
    const { faults } = this.#deployment;
    if (!this.#context.faultsAllowed || faults?.sinceMs == null) return 0;
    return durationMs(faults.slowStart ?? 'PT0S');
  }

  #crashIfAsked(): void {
    const { faults } = this.#deployment;
    if (!this.#context.faultsAllowed || faults?.sinceMs == null || faults.crashEvery === undefined) return;
    const last = Math.max(this.#lastCrashMs, faults.sinceMs);
    if (Date.now() - last < durationMs(faults.crashEvery)) return;
    const victim = Object.values(this.#deployment.instances).find(({ state }) => state === 'ready');
    if (!victim) return;
    this.#lastCrashMs = Date.now();
    this.#context.log.warn({ ...this.#names(), instance: victim.id }, 'Crashing an instance, as asked for');
    for (const process of this.#processesOf(victim, this.#sessionsOf(victim))) sendSignal(process, 'SIGKILL');
  }

  async #launch(generation: number): Promise<void> {
    const spec = this.#deployment.specs[generation];
    if (!spec) throw new Error(`generation ${generation} of ${this.#deployment.name} has nothing to run`);
    const id = String(this.#deployment.nextInstance++);
    const port = await freePort(this.#context.takenPorts());
    const instance: InstanceRecord = { id, generation, port, startedAt: Date.now(), state: 'starting' };
    this.#deployment.instances[id] = instance;
    // The intent goes to disk first: a host killed right after the start still knows that mark as its own.
    await this.#context.store.save();
    const home = join(
      this.#context.paths.deployment(this.#workspace, this.#endpoint, this.#deployment.name),
      'home',
    );
    await mkdir(home, { recursive: true, mode: 0o700 });
    const launch = launchOf(spec, port, {
      python: this.#context.python,
      home,
      stateId: this.#context.store.state.id,
      instanceMark: this.#mark(id),
      hostPath: process.env['PATH'] ?? '/usr/bin:/bin',
      hostLang: process.env['LANG'],
    });
    try {
      instance.process = await spawnDetached(launch, this.#logPath(id), (how) => this.#exits.set(id, how));
      this.#context.log.info(
        { ...this.#names(), instance: id, port, pid: instance.process.pid },
        'Instance started',
      );
    } catch (error) {
      this.#exits.set(id, messageOf(error));
    }
    await this.#context.store.save();
    await pruneLogs(dirname(this.#logPath(id)), new Set(Object.keys(this.#deployment.instances)));
  }

  async #kill(instance: InstanceRecord, why: string): Promise<void> {
    if (this.#deployment.instances[instance.id] !== instance) return;
    if (instance.process) sendSignal(instance.process, 'SIGKILL');
    await this.#died(instance, why);
  }

  async #died(instance: InstanceRecord, how: string): Promise<void> {
    if (this.#deployment.instances[instance.id] !== instance) return;
    this.#forget(instance);
    // One that died with an earlier host, of a reboot for example, says nothing about the next try.
    if (!this.#unseen.delete(instance.id)) this.#blame(instance, how);
    this.#deployment.restarts++;
    this.#context.log.warn(
      { ...this.#names(), instance: instance.id, how },
      'Instance ended; it will be replaced',
    );
    this.#context.membershipChanged();
    await this.#context.store.save();
  }

  /** Counts an end towards the wait before the next start, and towards giving the generation up. */
  #blame(instance: InstanceRecord, how: string): void {
    this.#backOff.ended(Date.now());
    const { generation, serving } = this.#deployment;
    if (instance.generation !== generation) return;
    // One that had got ready is a failed start all the same while the generation as a whole has not.
    const failed = instance.state === 'starting' || generation !== serving;
    const failedStarts = this.#ends.failedStarts + (failed ? 1 : 0);
    this.#ends = { failedStarts, lastExit: how, lastInstance: instance.id };
  }

  #forget(instance: InstanceRecord): void {
    this.#watches.get(instance.id)?.abort();
    this.#watches.delete(instance.id);
    this.#exits.delete(instance.id);
    delete this.#deployment.instances[instance.id];
    this.#context.background(this.#sweep(instance));
  }

  /** Workers of a leader that is gone hold its port, and may still be at work on requests: they finish, then they go. */
  async #sweep(instance: InstanceRecord): Promise<void> {
    const sessions = this.#sessionsOf(instance);
    const swept = async (): Promise<boolean> => {
      try {
        if (this.#processesOf(instance, sessions).length > 0) {
          await this.#unused(instance.port, this.#requestTimeoutMs(instance));
        }
        for (const process of this.#processesOf(instance, sessions)) sendSignal(process, 'SIGKILL');
        return true;
      } catch (error) {
        this.#context.log.error(
          { ...this.#names(), instance: instance.id, err: error },
          'What an instance left could not be ended; trying again',
        );
        return false;
      }
    };
    await until(swept, {
      timeoutMs: Number.POSITIVE_INFINITY,
      everyMs: TURN_MS,
      signal: this.#stop.signal,
    });
  }

  /** Those that carry an instance's mark, and those of its sessions. */
  #processesOf({ id }: InstanceRecord, sessions: readonly number[]): ProcessRef[] {
    const mark = this.#mark(id);
    const marked = findMarked(this.#context.store.state.id).filter((process) => process.mark === mark);
    return [...marked, ...findInSessions(sessions)];
  }

  /** None for an instance that this host has not seen alive: its number may be another's session by now. */
  #sessionsOf({ id, process }: InstanceRecord): readonly number[] {
    return process === undefined || this.#unseen.has(id) ? [] : [process.pid];
  }

  /** Waits until the gateway sends nothing to a port any more, and no request is on it. */
  async #unused(port: number, timeoutMs: number): Promise<void> {
    const options = { timeoutMs, everyMs: 100, signal: this.#stop.signal };
    await until(async () => (await this.#routesTo(port)) === false, options);
    let quiet = 0;
    await until(() => (quiet = connectionsTo(port) === 0 ? quiet + 1 : 0) >= 3, options);
  }

  /** Whether the gateway sends requests to a port; undefined while it cannot be asked, and may. */
  #routesTo(port: number): Promise<boolean | undefined> {
    return this.#context.admin.ports().then(
      (ports) => ports.has(port),
      () => undefined,
    );
  }

  async #drain(instance: InstanceRecord): Promise<void> {
    try {
      const patienceMs = this.#requestTimeoutMs(instance) + 5_000;
      await this.#unused(instance.port, patienceMs);
      if (this.#stop.signal.aborted) return;
      if (!this.#retired && (await this.#routesTo(instance.port)) === true) {
        // Of a full disk, for example: it may be all that clients have. The next turn begins again.
        this.#context.log.warn(
          { ...this.#names(), instance: instance.id },
          'Instance is no longer wanted, and stays while Envoy sends requests to it',
        );
        return;
      }
      if (instance.process) {
        sendSignal(instance.process, 'SIGTERM');
        const { process } = instance;
        await until(() => !isAlive(process), { timeoutMs: patienceMs, signal: this.#stop.signal });
      }
      this.#forget(instance);
      this.#context.log.info({ ...this.#names(), instance: instance.id }, 'Instance drained and ended');
      await this.#context.store.save();
    } finally {
      this.#draining.delete(instance.id);
    }
  }

  #requestTimeoutMs({ generation }: InstanceRecord): number {
    return durationMs(settingsOf(this.#deployment, generation).requestSettings.requestTimeout);
  }

  #mark(id: string): string {
    return `${this.#workspace}~${this.#endpoint}~${this.#deployment.name}~${id}`;
  }

  #logPath(id: string): string {
    return this.#context.paths.instanceLog(this.#workspace, this.#endpoint, this.#deployment.name, id);
  }

  #names(): { workspace: string; endpoint: string; deployment: string } {
    return { workspace: this.#workspace, endpoint: this.#endpoint, deployment: this.#deployment.name };
  }
}
