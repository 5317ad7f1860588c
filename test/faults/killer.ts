import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { packageRoot } from '../../embedded/package-root.js';
import type { Order, Told } from './marksman.js';
import type { Seen } from './points.js';
import type { Moment } from './shot.js';
import type { Victim, World } from './world.js';

/** Where and what to kill. */
export interface Kill extends Moment {
  readonly victim: Victim;
}

/** The dead part is missed for a while before it is started again. */
const DEAD_FOR_MS = 500;
const AIM_EVERY_MS = 250;

/** Has the marksman follow a rollout's history and kill at the right event, and starts again what was killed. */
export class Killer {
  killedAtMs: number | null = null;
  /** Its moment came, and no such process was there. */
  missedAtMs: number | null = null;
  mendedAtMs: number | null = null;
  readonly problems: string[] = [];
  readonly #world: World;
  readonly #endpoint: string;
  readonly #kill: Kill | null;
  readonly #marksman: ChildProcess;
  #over = false;
  #mending: Promise<void> | undefined;
  #aiming: Promise<void> | undefined;

  constructor(world: World, endpoint: string, kill: Kill | null) {
    this.#world = world;
    this.#endpoint = endpoint;
    this.#kill = kill;
    this.#marksman = marksmanOf(world);
  }

  /** Takes aim, and keeps it: model servers come and go. To be called before the rollout begins. */
  async aim(): Promise<void> {
    if (this.#kill === null) return;
    const { victim } = this.#kill;
    await this.#aimAt(victim);
    if (victim === 'green' || victim === 'blue') this.#aiming = this.#keepAiming(victim);
  }

  /**
   * Follows a history from its first event on; to be called before it has one.
   *
   * @returns when it is over, or `signal` aborted.
   */
  async follow(workflowId: string, onEvent: (event: Seen) => void, signal: AbortSignal): Promise<void> {
    const { address } = (this.#world.client.connection as Connection).options;
    const { namespace } = this.#world.client.options;
    const marksman = this.#marksman;
    await new Promise<void>((resolve) => {
      const hear = (told: Told): void => {
        if (told === 'the history is over') end();
        else if ('killed' in told) this.#hear(told.killed, told.atMs);
        else onEvent(told);
      };
      const die = (): void => {
        this.problems.push('the marksman ended');
        end();
      };
      const stop = (): void => this.#order('follow no more');
      const end = (): void => {
        marksman.off('message', hear).off('exit', die);
        signal.removeEventListener('abort', stop);
        resolve();
      };
      marksman.on('message', hear).once('exit', die);
      signal.addEventListener('abort', stop, { once: true });
      this.#order({ address, namespace, workflowId, moment: this.#kill });
    });
  }

  /** Aims no more, and waits until what was killed is back. */
  async done(): Promise<void> {
    this.#over = true;
    await this.#mending;
    await this.#aiming;
  }

  #order(order: Order): void {
    this.#marksman.send(order);
  }

  async #aimAt(victim: Victim): Promise<void> {
    this.#order({ pids: await this.#world.aim(victim, this.#endpoint) });
  }

  async #keepAiming(victim: Victim): Promise<void> {
    while (!this.#over && this.#mending === undefined) {
      await sleep(AIM_EVERY_MS);
      await this.#aimAt(victim);
    }
  }

  #hear(killed: number, atMs: number): void {
    if (killed === 0) {
      this.missedAtMs = atMs;
      return;
    }
    this.killedAtMs = atMs;
    this.#mending = this.#mend().catch((error: unknown) => {
      this.problems.push(`what was killed did not come back: ${String(error)}`);
    });
  }

  async #mend(): Promise<void> {
    if (this.#kill === null) return;
    await sleep(DEAD_FOR_MS);
    await this.#world.mend(this.#kill.victim);
    this.mendedAtMs = Date.now();
  }
}

const marksmen = new WeakMap<World, ChildProcess>();

/** One for each world; it ends with this process. */
function marksmanOf(world: World): ChildProcess {
  const known = marksmen.get(world);
  if (known?.connected === true) return known;
  const program = join(packageRoot(), 'dist', 'tests', 'test', 'faults', 'marksman.js');
  if (!existsSync(program)) throw new Error(`there is no ${program}; run \`npm run build\` first`);
  const marksman = fork(program, { execArgv: [] });
  marksman.unref();
  marksman.channel?.unref();
  marksmen.set(world, marksman);
  return marksman;
}
