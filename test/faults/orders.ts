import type { Call, Fault, FaultProxy, MadeCall } from './fault-proxy.js';

/** One attempt of an activity, and what it has called so far. */
export interface Attempt {
  readonly activity: string;
  readonly heard: Map<string, number>;
  /** What met the fault since it wrote last. */
  readonly met: Set<string>;
}

/**
 * Each call that an activity makes meets the fault once. A later attempt makes the same calls again, and gets one further:
 * they are told by their number among those of their kind. Who asks over and over within one attempt meets it once, and
 * again after a write, which is to be read back.
 */
export function eachOnce(
  fault: Fault,
  now: () => Attempt | undefined,
  nameOf: (call: Call, attempt: Attempt, nth: number) => string,
): FaultProxy['decide'] {
  const known = new Set<string>();
  return (call) => {
    const attempt = now();
    if (attempt === undefined) return undefined;
    const { heard, met } = attempt;
    const kind = kindOf(call);
    const nth = (heard.get(kind) ?? 0) + 1;
    heard.set(kind, nth);
    const one = nameOf(call, attempt, nth);
    const goesThrough = met.has(kind) || known.has(one);
    if (call.method !== 'GET') met.clear();
    if (goesThrough) return undefined;
    met.add(kind);
    known.add(one);
    return fault;
  };
}

/**
 * How long who meets that fault waits for an answer: a second where the fault outlasts it. A stall of this machine would
 * outlast it as well, so that all others wait for longer than one lasts.
 */
export function patienceWith(fault?: Fault): number {
  return fault === 'delayed' ? 1_000 : 20_000;
}

/** Whether the service took it, and answered so. */
export function isTaken({ status }: MadeCall): boolean {
  return status !== undefined && status >= 200 && status <= 299;
}

export const kindOf = ({ method, path }: Call): string => `${method} ${path}`;
export const kindsOf = (calls: readonly Call[]): readonly string[] => [...new Set(calls.map(kindOf))].sort();

/** So many failures that let nothing through. */
export function row(count: number): readonly Fault[] {
  const all = ['refused', '500', '429', '409'] as const;
  return Array.from({ length: count }, (_, i) => all[i % all.length] ?? '500');
}

/** The first such calls meet these faults, one each. */
export function inTurn(such: (call: Call) => boolean, faults: readonly Fault[]): FaultProxy['decide'] {
  const left = [...faults];
  return (call) => (such(call) ? left.shift() : undefined);
}
