/** What a hundred runs have to have been through at the least, or the model has become too mild to prove anything. */
const LEAST: readonly (readonly [what: string, seen: RegExp, in100: number])[] = [
  ['an abort on the way', /^abort in (?!rolling-back)/, 4],
  ['a rejection', /^reject /, 3],
  ['a pause', /^pause in/, 3],
  ['a change of shares', /^shift in/, 2],
  ['a change of the mirror', /^mirror in/, 2],
  ['a scaling of blue', /^(scale-down|switch-blue-off) in/, 2],
  ['a scaling of blue to nothing', /^switch-blue-off in/, 1],
  ['a scaling of green to nothing', /^switch-green-off in/, 2],
  ['a deletion of green', /^delete-green in/, 1],
  ['a replacement of green', /^replace-green in/, 1],
  ['a deletion of blue', /^delete-blue in/, 2],
  ['a share of a third deployment', /^third in/, 1],
  ['an endpoint that goes away', /^delete-endpoint in/, 1],
  ['a change in a pause', /^pause-shift in/, 1],
  ['a scaling of green', /^scale-green-down in/, 1],
  ['a change right after another was settled', /^shift again in/, 1],
  ['an adoption', /^adopt in held/, 3],
  ['a restoration', /^restore in held/, 10],
  ['counters that cannot be true', /^nonsense in/, 1],
  ['a death on the way', /^kill in (?!rolling-back)/, 2],
  ['something asked for during a rollback', / in rolling-back,/, 15],
  ['an abort during a rollback', /^abort .*in rolling-back/, 1],
  ['a green that breaks in a bake, or while a person is asked', /^break in (baking|waiting)/, 1],
  ['a promotion', /, promoted$/, 20],
  ['a rollback', /, rolled-back$/, 10],
  ['a rollback for a person', /, aborted$/, 5],
  ['a rollback that could not be ended', /, rollback-incomplete$/, 2],
];

/** How often what was done in which phase of runs that ended how. */
export class Tally {
  readonly #times = new Map<string, number>();

  add(did: readonly string[]): void {
    for (const each of did) this.#times.set(each, (this.#times.get(each) ?? 0) + 1);
  }

  text(): string {
    const rows = [...this.#times].sort(([a], [b]) => (a < b ? -1 : 1));
    return rows.map(([did, times]) => `${String(times).padStart(5)} ${did}`).join('\n');
  }

  /** What came less often than it has to in so many runs. */
  tooRare(runs: number): readonly string[] {
    return LEAST.flatMap(([what, seen, in100]) => {
      const times = [...this.#times].reduce((sum, [did, n]) => (seen.test(did) ? sum + n : sum), 0);
      const least = Math.floor((in100 * runs) / 100);
      return times >= least ? [] : [`${what}: ${times} times, at least ${least} wanted`];
    });
  }
}
