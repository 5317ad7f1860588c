import type { Logger } from 'pino';
import type { EnvoyAdmin } from '../gateway/admin.js';
import type { StatePaths } from '../state/paths.js';
import type { InstanceRecord } from '../state/model.js';
import type { Store } from '../state/store.js';
import { findMarked, signal } from '../processes.js';
import { DeploymentRunner } from './runner.js';

/** What looking after deployments needs of the rest of the host. */
export interface ServingContext {
  readonly store: Store;
  readonly paths: StatePaths;
  readonly log: Logger;
  readonly python: string;
  /** Whether slow starts and crashes that were asked for are made. */
  readonly faultsAllowed: boolean;
  /** Instances came or went: the gateway has to hear of it. Does not wait. */
  readonly membershipChanged: () => void;
  readonly admin: EnvoyAdmin;
  readonly takenPorts: () => ReadonlySet<number>;
  /** Runs something aside and logs how it goes wrong. */
  readonly background: (work: Promise<unknown>) => void;
}

/** One runner per deployment. */
export class Supervisor {
  readonly #context: ServingContext;
  readonly #runners = new Map<string, DeploymentRunner>();

  constructor(context: ServingContext) {
    this.#context = context;
  }

  /** Takes over what an earlier host left running, and looks after every deployment from now on. */
  adopt(): void {
    this.#adoptProcesses();
    for (const endpoint of Object.values(this.#context.store.state.endpoints)) {
      for (const name of Object.keys(endpoint.deployments))
        this.runner(endpoint.workspace, endpoint.name, name);
    }
  }

  /** @throws when there is no such deployment. */
  runner(workspace: string, endpoint: string, deployment: string): DeploymentRunner {
    const key = `${workspace}~${endpoint}~${deployment}`;
    let runner = this.#runners.get(key);
    if (!runner) {
      const record = this.#context.store.deployment(workspace, endpoint, deployment);
      if (!record) throw new Error(`there is no deployment ${deployment} on endpoint ${endpoint}`);
      runner = new DeploymentRunner(this.#context, workspace, endpoint, record);
      this.#runners.set(key, runner);
      runner.start();
    }
    return runner;
  }

  /** Ends a deployment's instances and forgets it. */
  async retire(workspace: string, endpoint: string, deployment: string): Promise<void> {
    const runner = this.runner(workspace, endpoint, deployment);
    await runner.retire();
    await runner.release();
    this.#runners.delete(`${workspace}~${endpoint}~${deployment}`);
  }

  /** Stops looking after all of them; their processes go on. */
  async release(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.release()));
  }

  /**
   * Finds the process of an instance whose start was written down and whose number was not (the host died in between),
   * and ends processes of this state folder that belong to no instance any more.
   */
  #adoptProcesses(): void {
    const { state } = this.#context.store;
    const byMark = new Map<string, InstanceRecord>(
      Object.values(state.endpoints).flatMap((endpoint) =>
        Object.values(endpoint.deployments).flatMap((deployment) =>
          Object.values(deployment.instances).map(
            (instance) =>
              [`${endpoint.workspace}~${endpoint.name}~${deployment.name}~${instance.id}`, instance] as const,
          ),
        ),
      ),
    );
    for (const found of findMarked(state.id)) {
      if (!found.mark.includes('~')) continue; // Envoy's, looked after elsewhere
      const instance = byMark.get(found.mark);
      if (!instance) {
        this.#context.log.warn({ mark: found.mark, pid: found.pid }, 'Ending a process of no instance');
        signal(found, 'SIGKILL');
      } else if (!instance.process && found.leader) {
        instance.process = { pid: found.pid, startTime: found.startTime };
      }
    }
  }
}
