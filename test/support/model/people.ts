import { isGrpcServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';

import type { DeploymentState } from '../../../core/endpoint.js';
import type { MessageName, RolloutStatus } from '../../../core/messages.js';
import { sameTraffic, type Traffic } from '../../../core/traffic.js';
import type { MemoryTarget } from '../memory-target.js';
import type { Bench, Rollout } from '../rollout-bench.js';
import { BEFORE, type Happened } from './reference.js';
import type { Act, FaultSpell, LateAct, Scenario } from './scenario.js';
import { Watcher } from './watcher.js';

const BLIND_MS = 700;
/** How long the target keeps a rollback waiting for what people want meanwhile. */
const ROLLBACK_WAITS_MS = 4_000;
/** gRPC status, which the client's packages do not export. */
const FAILED_PRECONDITION = 9;
const BY = { by: 'ada', reason: 'a person of the model' };

type Fault = ReturnType<MemoryTarget['fault']>;

/** Everybody around a rollout: those who steer it, those who meddle, and green itself. */
export class People {
  readonly happened: Happened = {
    stopped: 'no',
    brokeAt: null,
    forbidden: false,
    adopted: 0,
    restored: 0,
    deleted: false,
    off: false,
    blueGone: false,
    gone: new Set(),
    replaced: false,
  };
  readonly watcher: Watcher;
  /** Answers of the rollout that nobody should get. */
  readonly problems: string[] = [];
  /** `act in phase`, of all that was done. */
  readonly did: string[] = [];
  /** Workers that are being killed and replaced. */
  readonly killing: Promise<void>[] = [];
  readonly #bench: Bench;
  readonly #target: MemoryTarget;
  readonly #scenario: Scenario;
  readonly #spells: readonly ((call: string) => Fault)[];
  readonly #acts: Act[];
  readonly #lateActs: LateAct[];
  /** Deployments that somebody has deleted, and may bring back. */
  readonly #removed: DeploymentState[] = [];
  #settle: Act['then'] = 'restore';
  #askedSinceMs: number | null = null;
  #backSinceMs: number | null = null;
  #showing: NodeJS.Timeout | undefined;
  #shifts = 0;

  constructor(bench: Bench, target: MemoryTarget, scenario: Scenario) {
    this.#bench = bench;
    this.#target = target;
    this.#scenario = scenario;
    this.#acts = [...scenario.acts];
    this.#lateActs = [...scenario.lateActs];
    this.#spells = scenario.faults.map(spell);
    this.watcher = new Watcher(target);
    target.fault = (call, traffic) => {
      if (traffic !== undefined) this.watcher.asked(traffic);
      const how = this.#faultOf(call, traffic);
      if (how === undefined) this.watcher.saw(call);
      else this.watcher.missed(call);
      if (traffic !== undefined && (how === undefined || how === 'lose-answer')) this.#showLater();
      return how;
    };
  }

  async act(rollout: Rollout): Promise<void> {
    const status = await rollout.status().catch(() => null);
    if (status === null || status.phase === 'finished') return;
    if (status.phase === 'rolling-back') return this.#actLate(rollout, status);
    const { breaksAt, forbidden } = this.#scenario;
    if (
      breaksAt !== null &&
      this.happened.brokeAt === null &&
      status.stepIndex >= breaksAt &&
      status.stepIndex > 0
    ) {
      this.happened.forbidden = forbidden;
      this.#target.behaviour.set('green', { errors: 1, slow: 0 });
      this.#note('break', status);
      // Asked again: what begins after this answer begins with a broken green. Without one, nobody knows what does.
      const { stepIndex } = await rollout.status().catch(() => ({ stepIndex: this.#scenario.steps.length }));
      this.happened.brokeAt = [status.stepIndex, stepIndex];
    }
    if (status.hold?.kind === 'drift') return this.#settleDrift(rollout, status);
    const next = this.#acts.find((each) => status.stepIndex >= each.atStep && this.#fits(each, status));
    if (next !== undefined) {
      this.#acts.splice(this.#acts.indexOf(next), 1);
      return this.#do(next, rollout, status);
    }
    if (status.hold?.kind === 'undecided') await this.#send(rollout, 'approve', status);
    else if (status.phase === 'waiting-for-approval') {
      this.#askedSinceMs ??= Date.now();
      const looked = Date.now() - this.#askedSinceMs >= this.#scenario.approvesAfterMs;
      if (looked) await this.#send(rollout, 'approve', status);
    }
  }

  #fits({ what }: Act, { phase }: RolloutStatus): boolean {
    const watched = ['mirroring', 'ramping', 'baking', 'waiting-for-approval'].includes(phase);
    switch (what) {
      case 'shift':
      case 'mirror':
        return (phase === 'mirroring' || phase === 'ramping') && this.#target.deployments.has('green');
      case 'scale-down':
      case 'switch-blue-off':
      case 'delete-blue':
        return watched && this.#target.deployments.has('blue');
      case 'switch-green-off':
      case 'delete-green':
      case 'replace-green':
        return watched && this.#target.deployments.has('green');
      case 'nonsense':
        return phase !== 'preflight'; // which refuses such counters
      default:
        return true;
    }
  }

  async #do({ what, then, afterMs }: Act, rollout: Rollout, status: RolloutStatus): Promise<void> {
    switch (what) {
      case 'abort':
      case 'reject':
        this.happened.forbidden = this.#scenario.forbidden;
        if (await this.#send(rollout, what, status)) this.happened.stopped = 'yes';
        return;
      case 'pause':
        if (!(await this.#send(rollout, 'pause', status))) return;
        await sleep(150);
        await this.#send(rollout, 'resume', status);
        return;
      default:
        this.#note(what, status);
    }
    switch (what) {
      case 'cancel':
        this.happened.forbidden = this.#scenario.forbidden;
        if (this.happened.stopped === 'no') this.happened.stopped = 'maybe';
        await rollout.handle.cancel().catch(() => undefined);
        return;
      case 'blind':
        this.#target.metricsAway = true;
        await sleep(BLIND_MS);
        this.#target.metricsAway = false;
        return;
      case 'nonsense': {
        const { distort } = this.#target;
        this.#target.distort = (snapshot) => ({
          ...snapshot,
          deployments: { green: NONSENSE, blue: NONSENSE },
        });
        await sleep(BLIND_MS);
        this.#target.distort = distort;
        return;
      }
      case 'kill':
        // Not waited for: the next act, a rollback perhaps, is to be under way when it comes.
        this.killing.push(sleep(afterMs).then(() => this.#bench.killWorker()));
        return;
      default:
        this.#settle = then;
        this.#meddle(what);
        // Before a look has seen it, mostly.
        if (what === 'switch-blue-off' && then === 'abort') await this.#abort(rollout, status);
        return;
    }
  }

  #meddle(
    what:
      | 'shift'
      | 'mirror'
      | 'scale-down'
      | 'switch-blue-off'
      | 'switch-green-off'
      | 'delete-green'
      | 'replace-green'
      | 'delete-blue',
  ): void {
    switch (what) {
      case 'shift':
      case 'mirror': {
        // No step writes an odd share, and nobody the same twice.
        const odd = 3 + 2 * this.#shifts++;
        const theirs =
          what === 'shift'
            ? { live: { blue: 100 - odd, green: odd }, mirror: {} }
            : { live: this.#target.traffic.live, mirror: { green: odd } };
        this.#target.changeTraffic(theirs);
        this.watcher.changed(what, this.#target.traffic);
        return;
      }
      case 'scale-down':
      case 'switch-blue-off':
        this.#target.changeInstances('blue', what === 'scale-down' ? 1 : 0);
        this.watcher.changed(what);
        return;
      case 'switch-green-off':
        this.#target.changeInstances('green', 0);
        this.happened.off = true;
        this.watcher.changed(what);
        return;
      case 'delete-green':
      case 'delete-blue': {
        const name = what === 'delete-blue' ? 'blue' : 'green';
        const found = this.#target.deployments.get(name);
        if (found === undefined) return;
        this.#removed.push(found);
        this.#target.removeDeployment(name);
        this.happened.gone.add(name);
        this.happened.deleted = true;
        if (name === 'blue') this.happened.blueGone = true;
        if (name === 'green') this.happened.replaced = false;
        this.watcher.changed(what);
        return;
      }
      case 'replace-green': {
        const found = this.#target.deployments.get('green');
        if (found === undefined) return;
        this.#removed.push(found);
        this.#target.addDeployment('green', { instances: found.instances });
        this.happened.replaced = true;
        this.watcher.changed(what);
        return;
      }
      default:
        return what satisfies never;
    }
  }

  async #settleDrift(rollout: Rollout, status: RolloutStatus): Promise<void> {
    const choice = this.#settle;
    if (choice === 'abort') return this.#abort(rollout, status);
    const gone = this.#removed.length > 0;
    // What went since the hold's look is held for by the next one.
    const isSeen = status.next.includes('bring back what is gone');
    if (await this.#send(rollout, 'resolveDrift', status, { choice })) {
      if (choice === 'adopt' && isSeen) this.problems.push('adopted that a deployment is gone');
      this.#settled(choice);
    } else if (choice === 'adopt') this.#settle = 'restore'; // what is refused is not asked for again and again
    if (gone) this.#bringBack();
  }

  #settled(choice: 'adopt' | 'restore'): void {
    if (choice === 'adopt') this.happened.adopted += 1;
    else this.happened.restored += 1;
    this.watcher.settled();
  }

  async #abort(rollout: Rollout, status: RolloutStatus): Promise<void> {
    this.happened.forbidden = this.#scenario.forbidden;
    if (await this.#send(rollout, 'abort', status)) this.happened.stopped = 'yes';
  }

  #bringBack(): void {
    // The first of a name is the rollout's own.
    for (const deployment of this.#removed.splice(0).reverse()) {
      this.#target.addDeployment(deployment.name, deployment);
      this.happened.gone.delete(deployment.name);
    }
    this.happened.replaced = false;
    this.watcher.settled();
  }

  /** What the run took before it rolled back, by its history: also where nobody was told, or a status was ahead of it. */
  took(words: readonly string[]): void {
    if (words.includes('cancel') && this.happened.stopped === 'no') this.happened.stopped = 'maybe';
    if (words.includes('abort') || words.includes('reject')) this.happened.stopped = 'yes';
  }

  /** What people want while it rolls back: it refuses that or takes it as read, and rolls back on. */
  async #actLate(rollout: Rollout, status: RolloutStatus): Promise<void> {
    const what = this.#lateActs[0];
    if (what === undefined) return;
    switch (what) {
      case 'cancel':
        this.#note(what, status);
        await rollout.handle.cancel().catch(() => undefined);
        break;
      case 'kill':
        this.#note(what, status);
        this.killing.push(this.#bench.killWorker());
        break;
      case 'adopt':
      case 'restore':
        // Taken, it was not rolling back yet: what counts is when, by its history.
        if (await this.#send(rollout, 'resolveDrift', status, { choice: what })) this.#settled(what);
        break;
      default:
        await this.#send(rollout, what, status);
    }
    this.#lateActs.shift();
  }

  #faultOf(call: string, traffic: Traffic | undefined): Fault {
    if (traffic !== undefined && this.#lateActs.length > 0 && sameTraffic(traffic, BEFORE)) {
      this.#backSinceMs ??= Date.now();
      if (Date.now() - this.#backSinceMs < ROLLBACK_WAITS_MS) return 'throw-transient';
    }
    if (this.happened.forbidden && call === 'writeTraffic') return 'throw-permanent';
    for (const hit of this.#spells) {
      const how = hit(call);
      if (how !== undefined) return how;
    }
    return undefined;
  }

  /** For a while, what was there before a write is what the endpoint goes on showing. */
  #showLater(): void {
    const { shownAfterMs } = this.#scenario;
    if (shownAfterMs === 0) return;
    clearTimeout(this.#showing);
    this.#target.shownLater = this.#target.traffic;
    this.#showing = setTimeout(() => (this.#target.shownLater = null), shownAfterMs).unref();
  }

  #note(what: string, { phase }: RolloutStatus): void {
    this.did.push(`${what} in ${phase}`);
  }

  /** @returns whether the rollout took it; it may refuse, or be over. */
  async #send(
    rollout: Rollout,
    name: keyof typeof MessageName,
    status: RolloutStatus,
    more: { readonly choice?: string } = {},
  ): Promise<boolean> {
    const taken = await this.#isTaken(rollout, name, more);
    this.#note(`${more.choice ?? name}${taken ? '' : ' (refused)'}`, status);
    return taken;
  }

  async #isTaken(rollout: Rollout, name: keyof typeof MessageName, more: object): Promise<boolean> {
    try {
      await rollout.send(name, { ...BY, ...more });
      return true;
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError) return false;
      const cause = error instanceof Error ? error.cause : undefined;
      if (isGrpcServiceError(cause) && cause.code === FAILED_PRECONDITION) return false; // just going on as a new run
      throw error;
    }
  }
}

/** Counters that cannot be true. */
const NONSENSE = { live: { requests: NaN, errors: NaN, le: [NaN], active: 0 } };

function spell({ call, how, times, after }: FaultSpell): (now: string) => FaultSpell['how'] | undefined {
  let spared = after;
  let left = times;
  return (now) => {
    if (now !== call || left <= 0) return undefined;
    if (spared > 0) {
      spared -= 1;
      return undefined;
    }
    left -= 1;
    return how;
  };
}
