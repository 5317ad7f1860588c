const WINDOW_SEC = 60;
const FEWEST_EXPECTED = 20;
const HALF = 0.5;

/** Requests of both arms in one look in which both had data. */
export interface Flow {
  readonly dtSec: number;
  readonly blue: number;
  readonly green: number;
}

export interface Starved {
  readonly expected: number;
  readonly got: number;
  readonly windowSec: number;
}

/** Green's requests for each of the baseline's: by its live share, or by the share that is mirrored to it. */
export function expectedPerBlue(kind: 'live' | 'mirror', percent: number): number | null {
  if (kind === 'mirror') return percent / 100;
  return percent > 0 && percent < 100 ? percent / (100 - percent) : null;
}

/** The newest looks that make up the window, and no more. */
export function withinWindow(flows: readonly Flow[]): Flow[] {
  let covered = 0;
  let from = flows.length;
  while (from > 0 && covered < WINDOW_SEC) {
    from -= 1;
    covered += flows[from]?.dtSec ?? 0;
  }
  return flows.slice(from);
}

/**
 * Whether green completed fewer than half the requests that its share implies, over a minute in which at least 20 were
 * due (gates.md 6.1). They may be hanging, and a request that hangs is in no counter until it times out.
 */
export function starved(flows: readonly Flow[], perBlue: number | null): Starved | null {
  if (perBlue === null) return null;
  const windowSec = flows.reduce((sum, flow) => sum + flow.dtSec, 0);
  const expected = perBlue * flows.reduce((sum, flow) => sum + flow.blue, 0);
  const got = flows.reduce((sum, flow) => sum + flow.green, 0);
  const enough = windowSec >= WINDOW_SEC && expected >= FEWEST_EXPECTED;
  return enough && got < HALF * expected ? { expected, got, windowSec } : null;
}
