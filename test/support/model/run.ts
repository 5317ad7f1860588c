import { isGrpcServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';

import type { MessageName, RolloutStatus } from '../../../core/messages.js';
import type { RolloutReport } from '../../../core/run.js';
import { MemoryTarget } from '../memory-target.js';
import { planOf } from '../plans.js';
import type { Bench, Rollout } from '../rollout-bench.js';
import { judge } from './judge.js';
import type { Act, FaultSpell, Scenario } from './scenario.js';

/** Longer than any scenario takes, with all its faults, on a busy machine. */
const ENDS_WITHIN_MS = 240_000;
const BLIND_MS = 700;
/** gRPC status, which the client's packages do not export. */
const FAILED_PRECONDITION = 9;
/** No step writes it. */
const SHIFTED = { live: { blue: 57, green: 43 }, mirror: {} };
const BY = { by: 'ada', reason: 'a person of the model' };

/** What really happened to a run, as the one who did it knows. */
export interface Happened {
  /** An abort or reject that the rollout took; `maybe`: a cancellation, which may come too late. */
  stopped: 'no' | 'maybe' | 'yes';
  /** Step that was under way when green began to fail; null: it never did. */
  brokeAt: number | null;
  /** The right to write was taken away. */
  forbidden: boolean;
  /** Shares were changed by somebody else while a step was watched. */
  shifted: boolean;
  adopted: number;
  restored: number;
}

/** @returns what was wrong; empty when all invariants held. */
export async function runScenario(
  bench: Bench,
  name: string,
  scenario: Scenario,
): Promise<readonly string[]> {
  const target = new MemoryTarget();
  target.changeInstances('blue', 4);
  if (scenario.quiet) target.requestsPerSecond = 0;
  if (scenario.smokeFails) target.smokeStatus = 500;
  const people = new People(bench, target, scenario);
  const { afterRollback, steps, windowMs } = scenario;
  const watching = { intervalMs: 50, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05, windowMs };
  const rollout = await bench.start(planOf(name, steps, { watching, afterRollback }), target);

  const over = rollout.handle.result().then(
    (value) => value as RolloutReport,
    (error: unknown) => reportOf(error),
  );
  const ended = { yes: false };
  void over.finally(() => (ended.yes = true));
  const limitMs = Date.now() + ENDS_WITHIN_MS;
  while (!ended.yes) {
    if (Date.now() > limitMs) {
      const { phase, stepIndex, hold, verdict } = await rollout.status();
      await rollout.handle.terminate('it did not end');
      return [`did not end: ${JSON.stringify({ phase, stepIndex, hold, verdict })}`];
    }
    await people.act(rollout);
    await sleep(25);
  }
  await Promise.all(people.killing);
  const report = await over;
  return report === null ? ['ended without a report'] : judge(scenario, people.happened, target, report);
}

function reportOf(error: unknown): RolloutReport | null {
  const cause = error instanceof Error ? error.cause : undefined;
  const details = (cause as { details?: readonly unknown[] } | undefined)?.details;
  return (details?.[0] as RolloutReport | undefined) ?? null;
}

/** Everybody around a rollout: those who steer it, those who meddle, and green itself. */
class People {
  readonly happened: Happened = {
    stopped: 'no',
    brokeAt: null,
    forbidden: false,
    shifted: false,
    adopted: 0,
    restored: 0,
  };
  /** Workers that are being killed and replaced. */
  readonly killing: Promise<void>[] = [];
  readonly #bench: Bench;
  readonly #target: MemoryTarget;
  readonly #scenario: Scenario;
  readonly #acts: Act[];
  #settle: Act['then'] = 'restore';

  constructor(bench: Bench, target: MemoryTarget, scenario: Scenario) {
    this.#bench = bench;
    this.#target = target;
    this.#scenario = scenario;
    this.#acts = [...scenario.acts];
    const spells = scenario.faults.map(spell);
    target.fault = (call) => {
      if (this.happened.forbidden && call === 'writeTraffic') return 'throw-permanent';
      for (const hit of spells) {
        const how = hit(call);
        if (how !== undefined) return how;
      }
      return undefined;
    };
  }

  async act(rollout: Rollout): Promise<void> {
    const status = await rollout.status().catch(() => null);
    if (status === null || status.phase === 'finished' || status.phase === 'rolling-back') return;
    const { breaksAt, forbidden } = this.#scenario;
    if (
      breaksAt !== null &&
      this.happened.brokeAt === null &&
      status.stepIndex >= breaksAt &&
      status.stepIndex > 0
    ) {
      this.happened.forbidden = forbidden;
      this.#target.behaviour.set('green', { errors: 1, slow: 0 });
      // Asked again: what begins after this answer begins with a broken green.
      this.happened.brokeAt = (await rollout.status()).stepIndex;
    }
    if (status.hold?.kind === 'drift') return this.#settleDrift(rollout);
    const [next] = this.#acts;
    if (next !== undefined && status.stepIndex >= next.atStep && this.#fits(next, status)) {
      this.#acts.shift();
      return this.#do(next, rollout, status);
    }
    const waits = status.hold?.kind === 'undecided' || status.phase === 'waiting-for-approval';
    if (waits) await this.#send(rollout, 'approve');
  }

  #fits({ what }: Act, { phase }: RolloutStatus): boolean {
    if (what === 'shift') return phase === 'mirroring' || phase === 'ramping';
    if (what === 'scale-down') return phase === 'mirroring' || phase === 'ramping' || phase === 'baking';
    return true;
  }

  async #do({ what, then, afterMs }: Act, rollout: Rollout, { stepIndex }: RolloutStatus): Promise<void> {
    switch (what) {
      case 'abort':
      case 'reject':
        this.happened.forbidden = this.#scenario.forbidden;
        if (await this.#send(rollout, what)) this.happened.stopped = 'yes';
        return;
      case 'cancel':
        this.happened.forbidden = this.#scenario.forbidden;
        if (this.happened.stopped === 'no') this.happened.stopped = 'maybe';
        await rollout.handle.cancel().catch(() => undefined);
        return;
      case 'pause':
        if (!(await this.#send(rollout, 'pause'))) return;
        await sleep(150);
        await this.#send(rollout, 'resume');
        return;
      case 'blind':
        this.#target.metricsAway = true;
        await sleep(BLIND_MS);
        this.#target.metricsAway = false;
        return;
      case 'kill':
        // Not waited for: the next act, a rollback perhaps, is to be under way when it comes.
        this.killing.push(sleep(afterMs).then(() => this.#bench.killWorker()));
        return;
      case 'scale-down':
        this.#settle = then;
        this.#target.changeInstances('blue', 1);
        return;
      case 'shift': {
        if (this.#target.deployments.get('green')?.state !== 'ready') return;
        this.#settle = then;
        this.#target.changeTraffic(SHIFTED);
        const after = await rollout.status();
        this.happened.shifted = after.stepIndex === stepIndex && after.phase !== 'rolling-back';
        return;
      }
      default:
        return what satisfies never;
    }
  }

  async #settleDrift(rollout: Rollout): Promise<void> {
    if (this.#settle === 'abort') {
      this.happened.forbidden = this.#scenario.forbidden;
      if (await this.#send(rollout, 'abort')) this.happened.stopped = 'yes';
      return;
    }
    const choice = this.#settle;
    if (!(await this.#send(rollout, 'resolveDrift', { choice }))) return;
    if (choice === 'adopt') this.happened.adopted += 1;
    else this.happened.restored += 1;
  }

  /** @returns whether the rollout took it; it may refuse, or be over. */
  async #send(rollout: Rollout, name: keyof typeof MessageName, more: object = {}): Promise<boolean> {
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
