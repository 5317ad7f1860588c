import { isGrpcServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';

import type { MessageName, RolloutStatus } from '../../../core/messages.js';
import { hasTraffic, sameTraffic, type Traffic } from '../../../core/traffic.js';
import type { MemoryTarget } from '../memory-target.js';
import type { Bench, Rollout } from '../rollout-bench.js';
import { Meddler } from './meddler.js';
import { BEFORE, type Happened } from './reference.js';
import type { Act, FaultSpell, LateAct, Scenario } from './scenario.js';
import { Watcher } from './watcher.js';

const BLIND_MS = 700;
/** How long the target keeps a rollback waiting for what people want meanwhile. */
const ROLLBACK_WAITS_MS = 4_000;
/** gRPC status, which the client's packages do not export. */
const FAILED_PRECONDITION = 9;
/** How long a pause lasts in which somebody changes something. */
const PAUSED_MS = 400;
const BY = { by: 'ada', reason: 'a person of the model' };

/** What needs no endpoint. */
const STEERING: ReadonlySet<Act['what']> = new Set(['abort', 'reject', 'pause', 'blind', 'nonsense', 'cancel', 'kill']); // prettier-ignore

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
    endpointGone: false,
    third: false,
    minimum: null,
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
  readonly #meddler: Meddler;
  #settle: Act['then'] = 'restore';
  #askedSinceMs: number | null = null;
  #backSinceMs: number | null = null;
  /** Paused until then at the least: long enough for a look to see what somebody has changed. */
  #pausedUntilMs: number | null = null;
  #changedAgain = false;
  #showing: NodeJS.Timeout | undefined;

  constructor(bench: Bench, target: MemoryTarget, scenario: Scenario) {
    this.#bench = bench;
    this.#target = target;
    this.#scenario = scenario;
    this.#acts = [...scenario.acts];
    this.#lateActs = [...scenario.lateActs];
    this.#spells = scenario.faults.map(spell);
    this.watcher = new Watcher(target);
    this.#meddler = new Meddler(target, this.watcher, this.happened);
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
    if (this.#pausedUntilMs !== null && status.phase === 'paused' && Date.now() > this.#pausedUntilMs) {
      this.#pausedUntilMs = null;
      return this.#resume(rollout, status);
    }
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
    if (this.#target.endpointGone && !STEERING.has(what)) return false;
    const watched = ['mirroring', 'ramping', 'baking', 'waiting-for-approval'].includes(phase);
    switch (what) {
      case 'shift':
      case 'mirror':
      case 'pause-shift':
        return (phase === 'mirroring' || phase === 'ramping') && this.#target.deployments.has('green');
      case 'scale-down':
      case 'switch-blue-off':
      case 'delete-blue':
        return watched && this.#target.deployments.has('blue');
      case 'scale-green-down':
        return watched && (this.#target.deployments.get('green')?.instances.wanted ?? 0) > 1;
      case 'third':
      case 'delete-endpoint':
        return watched;
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
        if (!(await this.#pause(rollout, status))) return;
        await sleep(150);
        await this.#resume(rollout, status);
        return;
      case 'pause-shift':
        this.#note(what, status);
        this.#settle = then;
        if (!(await this.#pause(rollout, status))) return;
        this.#pausedUntilMs = Date.now() + PAUSED_MS;
        this.#meddler.meddle('shift');
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
        this.#meddler.meddle(what);
        // Before a look has seen it, mostly.
        if (what === 'switch-blue-off' && then === 'abort') await this.#abort(rollout, status);
        return;
    }
  }

  /** What has a write under way may end that one. */
  async #pause(rollout: Rollout, status: RolloutStatus): Promise<boolean> {
    const answer = await this.#send(rollout, 'pause', status);
    if (answer !== null && !answer.includes('under way') && this.happened.adopted === 0)
      this.watcher.paused();
    return answer !== null;
  }

  async #resume(rollout: Rollout, status: RolloutStatus): Promise<void> {
    this.watcher.resumed();
    await this.#send(rollout, 'resume', status);
  }

  async #settleDrift(rollout: Rollout, status: RolloutStatus): Promise<void> {
    const choice = this.#settle;
    if (choice === 'abort') return this.#abort(rollout, status);
    const gone = this.#meddler.tookAway;
    const { hold } = status;
    const third = hold?.kind === 'drift' && hold.observed !== null && hasTraffic(hold.observed, 'red');
    // What went since the hold's look is held for by the next one.
    const isSeen = status.next.includes('bring back what is gone');
    if (await this.#send(rollout, 'resolveDrift', status, { choice })) {
      if (choice === 'adopt' && isSeen) this.problems.push('adopted that a deployment is gone');
      if (choice === 'adopt' && third) this.problems.push('adopted that a third deployment has a share');
      this.#settled(choice);
      this.#changeAgain(status);
    } else if (choice === 'adopt') this.#settle = 'restore'; // what is refused is not asked for again and again
    if (gone) this.#meddler.bringBack();
  }

  /** The word was about what stood there before. */
  #changeAgain(status: RolloutStatus): void {
    const { deployments, endpointGone } = this.#target;
    const can = !endpointGone && deployments.has('blue') && deployments.has('green');
    if (!this.#scenario.again || this.#changedAgain || !can) return;
    this.#changedAgain = true;
    this.#note('shift again', status);
    this.#meddler.meddle('shift');
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

  /** @returns what the rollout answered; null: it refused, or is over. */
  async #send(
    rollout: Rollout,
    name: keyof typeof MessageName,
    status: RolloutStatus,
    more: { readonly choice?: string } = {},
  ): Promise<string | null> {
    const answer = await this.#answerOf(rollout, name, more);
    this.#note(`${more.choice ?? name}${answer === null ? ' (refused)' : ''}`, status);
    return answer;
  }

  async #answerOf(rollout: Rollout, name: keyof typeof MessageName, more: object): Promise<string | null> {
    try {
      return await rollout.send(name, { ...BY, ...more });
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError) return null;
      const cause = error instanceof Error ? error.cause : undefined;
      if (isGrpcServiceError(cause) && cause.code === FAILED_PRECONDITION) return null; // just going on as a new run
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
