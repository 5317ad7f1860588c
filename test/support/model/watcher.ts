import type { Step } from '../../../core/plan.js';
import type { RolloutReport } from '../../../core/run.js';
import { stepLabel } from '../../../core/status-text.js';
import { hasTraffic, sameTraffic, shareOf, trafficText, type Traffic } from '../../../core/traffic.js';
import type { MemoryTarget } from '../memory-target.js';
import { BEFORE } from './reference.js';

/** A change of somebody else that was shown so often is seen by whoever looks at all. */
const SEEN_AFTER = 10;
/** A green that fails every request is found out in half as long, on a busy machine too. */
const HEARD_WITHIN = { looks: 10, ms: 2_000 } as const;
/** Looks further apart than this are no spell: nobody looked meanwhile, or a worker died with what it had seen. */
const GAP_MS = 500;

type Call = Parameters<MemoryTarget['fault']>[0];

/** What somebody else did to the endpoint. */
interface Change {
  readonly what: string;
  /** What the traffic was made, if that was changed. */
  readonly traffic: Traffic | null;
  reads: number;
  looks: number;
  /** A person said what is to be done about it, or it was taken back by who had done it. */
  settled: boolean;
}

/** Blue's instances at the start. */
export const ALL = 4;
/** The fewest that its autoscaler keeps, where there is one. */
export const MINIMUM = 1;

const NOBODY = 'has no instance that answers';

/** Why a deployment can have no share, or none greater than it has. */
type Why = 'is not there' | typeof NOBODY;

interface Shown {
  readonly traffic: Traffic;
  /** By name. */
  readonly unable: ReadonlyMap<string, Why>;
}

/**
 * Stands between a rollout and its target: what the rollout asks for is judged by what it was shown before, and not by
 * whether the target takes it.
 */
export class Watcher {
  readonly problems: string[] = [];
  /** Blue had fewer instances than before when it was asked to have all traffic back. */
  lacked = false;
  /** What it asked to write over a change that it had been shown, and that nobody had spoken of: a rollback may. */
  readonly overwrites: Traffic[] = [];
  /** What it asked to write so far. */
  readonly #asked: Traffic[] = [];
  /** How much of that it had asked when it was paused. */
  #pausedAfter: number | null = null;
  readonly #changes: Change[] = [];
  readonly #brokenLooks: number[] = [];
  readonly #target: MemoryTarget;
  #shown: Shown = { traffic: BEFORE, unable: new Map() };
  #isUnread = false;

  constructor(target: MemoryTarget) {
    this.#target = target;
  }

  changed(what: string, traffic: Traffic | null = null): void {
    this.#changes.push({ what, traffic, reads: 0, looks: 0, settled: false });
  }

  paused(): void {
    this.#pausedAfter = this.#asked.length;
  }

  resumed(): void {
    this.#pausedAfter = null;
  }

  settled(): void {
    for (const change of this.#changes) change.settled = true;
  }

  get allSettled(): boolean {
    return this.#changes.every(({ settled }) => settled);
  }

  /** What somebody made of the traffic, and nobody has written over, is what stands there in the end. */
  get theirsStands(): boolean {
    return this.#theirs() !== undefined;
  }

  /** Changes that were shown again and again, and never spoken of. */
  get unseen(): readonly string[] {
    return this.#changes
      .filter(({ settled, reads, looks }) => !settled && Math.min(reads, looks) >= SEEN_AFTER)
      .map(({ what }) => what);
  }

  /** To be told of each call that the target takes: what it answers is what it shows at this moment. */
  saw(call: Call): void {
    const open = this.#changes.filter(({ settled }) => !settled);
    if (call === 'read') this.#isUnread = false;
    if (call === 'read' && this.#target.shownLater === null) {
      for (const change of open) change.reads += 1;
      this.#shown = { traffic: this.#target.traffic, unable: this.#unable() };
    }
    if (call === 'metrics') {
      for (const change of open) change.looks += 1;
      if (this.#greenFails()) this.#brokenLooks.push(Date.now());
    }
  }

  /** To be told of each call that the target does not take. */
  missed(call: Call): void {
    if (call === 'read') this.#isUnread = true;
  }

  /** To be told of each write that is asked for, also of one that will fail. */
  asked(traffic: Traffic): void {
    const back = sameTraffic(traffic, BEFORE);
    this.#askedWhilePaused(traffic, back);
    this.#askedUnheld(traffic);
    if (back) this.lacked ||= (this.#target.deployments.get('blue')?.instances.wanted ?? ALL) < ALL;
    for (const [name, why] of this.#unable()) {
      // To go back to who is gone is the target's to refuse, and what cannot be read is gone back from all the same.
      const minds = !back || (why === NOBODY && !this.#isUnread);
      if (minds && this.#shown.unable.get(name) === why && this.#breaks(why, name, traffic)) {
        this.problems.push(`asked for ${trafficText(traffic)} though it was shown that ${name} ${why}`);
      }
    }
    const theirs = this.#theirs();
    if (theirs !== undefined && theirs.reads > 0 && !sameTraffic(traffic, this.#target.traffic)) {
      this.overwrites.push(traffic);
    }
  }

  /** What it wrote before it may restore, and it may roll back. */
  #askedWhilePaused(traffic: Traffic, back: boolean): void {
    const before = this.#asked.slice(0, this.#pausedAfter ?? Infinity);
    this.#asked.push(traffic);
    if (this.#pausedAfter === null || back || before.some((one) => sameTraffic(one, traffic))) return;
    this.problems.push(`asked for ${trafficText(traffic)} while it was paused`);
  }

  /** An autoscaler would send instances away that lose their traffic, and a rollback meet too few. */
  #askedUnheld({ live }: Traffic): void {
    const { autoscale, traffic } = this.#target;
    const gains = shareOf(live, 'green') > shareOf(traffic.live, 'green');
    if (autoscale?.minimum === MINIMUM && gains) {
      this.problems.push(`asked for green ${shareOf(live, 'green')} % while blue was not held`);
    }
  }

  /** Steps that went well though green failed every request for long, and was looked at. */
  deafIn(steps: readonly Step[], report: RolloutReport): readonly string[] {
    return report.steps.flatMap(({ stopped, startedAtMs, endedAtMs }, index) => {
      const step = steps[index];
      if (stopped || step === undefined) return [];
      const within = this.#brokenLooks.filter((atMs) => atMs >= startedAtMs && atMs <= endedAtMs);
      return spells(within).some(isLong) ? [stepLabel(step)] : [];
    });
  }

  #theirs(): Change | undefined {
    return this.#changes.findLast(
      ({ settled, traffic }) => !settled && traffic !== null && sameTraffic(traffic, this.#target.traffic),
    );
  }

  #unable(): ReadonlyMap<string, Why> {
    const all = ['blue', 'green'].flatMap((name): [string, Why][] => {
      const found = this.#target.deployments.get(name);
      if (found?.state !== 'ready') return [[name, 'is not there']];
      return found.instances.ready === 0 ? [[name, NOBODY]] : [];
    });
    return new Map(all);
  }

  /** Who lost its instances may keep the share that it was shown to have. */
  #breaks(why: Why, name: string, traffic: Traffic): boolean {
    if (why === 'is not there') return hasTraffic(traffic, name);
    const before = this.#shown.traffic;
    return (['live', 'mirror'] as const).some(
      (kind) => shareOf(traffic[kind], name) > shareOf(before[kind], name),
    );
  }

  #greenFails(): boolean {
    const { traffic, behaviour, deployments, requestsPerSecond, metricsAway } = this.#target;
    const served = hasTraffic(traffic, 'green');
    const fails = behaviour.get('green')?.errors === 1 && deployments.has('green');
    return served && fails && requestsPerSecond > 0 && !metricsAway;
  }
}

function spells(timesMs: readonly number[]): readonly (readonly number[])[] {
  const all: number[][] = [];
  let lastMs = -Infinity;
  for (const atMs of timesMs) {
    if (atMs - lastMs > GAP_MS) all.push([]);
    all.at(-1)?.push(atMs);
    lastMs = atMs;
  }
  return all;
}

function isLong(spell: readonly number[]): boolean {
  const [first = 0] = spell;
  return spell.length >= HEARD_WITHIN.looks && (spell.at(-1) ?? first) - first >= HEARD_WITHIN.ms;
}
