import type { Answer } from './load.js';

/** What clients saw of one deployment, or of all. */
export interface Tally {
  readonly requests: number;
  readonly errors: number;
  /** Of all answers, failed ones among them, milliseconds; null without any. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
}

/** Whose answer it is where neither a deployment nor the model says so: the gateway's own, or none at all. */
export const NOBODY = 'nobody';

/** An answer counts as good only with a prediction in it: a 200 with something else is an error to the caller. */
export function isError(answer: Answer): boolean {
  return answer.status !== 200 || answer.version === null;
}

export function tally(answers: readonly Answer[]): Tally {
  const latencies = answers.map((answer) => answer.latencyMs).sort((a, b) => a - b);
  return {
    requests: answers.length,
    errors: answers.filter(isError).length,
    p50Ms: quantile(latencies, 0.5),
    p95Ms: quantile(latencies, 0.95),
  };
}

/** By deployment, sorted by name. */
export function tallyByDeployment(answers: readonly Answer[]): Readonly<Record<string, Tally>> {
  const groups = new Map<string, Answer[]>();
  for (const answer of answers) {
    const name = answer.deployment ?? NOBODY;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [answer]);
    else group.push(answer);
  }
  return Object.fromEntries(
    [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, group]) => [name, tally(group)]),
  );
}

/** The smallest value that at least `q` of all do not exceed. */
function quantile(sorted: readonly number[], q: number): number | null {
  return sorted[Math.ceil(q * sorted.length) - 1] ?? null;
}
