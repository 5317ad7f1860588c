/** Whole percent per deployment. Absent and 0 mean the same; the normal form has no zeros and sorted names. */
export type Shares = Readonly<Record<string, number>>;

/** An endpoint's traffic rules: shares of live requests, and shares of live requests copied to a deployment. */
export interface Traffic {
  readonly live: Shares;
  readonly mirror: Shares;
}

/** Drops zeros and sorts by name, so that equal rules are equal JSON. */
function normalShares(shares: Shares): Shares {
  return Object.fromEntries(
    Object.entries(shares)
      .filter(([, percent]) => percent !== 0)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );
}

export function normalTraffic(traffic: Traffic): Traffic {
  return { live: normalShares(traffic.live), mirror: normalShares(traffic.mirror) };
}

export function sameTraffic(a: Traffic, b: Traffic): boolean {
  return JSON.stringify(normalTraffic(a)) === JSON.stringify(normalTraffic(b));
}

export function shareOf(shares: Shares, deployment: string): number {
  return shares[deployment] ?? 0;
}

export function sumShares(shares: Shares): number {
  return Object.values(shares).reduce((sum, percent) => sum + percent, 0);
}

/** The deployment that has all live traffic; undefined when none has. */
export function wholeHolder(live: Shares): string | undefined {
  return Object.entries(live).find(([, percent]) => percent === 100)?.[0];
}

/** Who has a share, live or mirrored, in no order. */
export function deploymentsIn({ live, mirror }: Traffic): readonly string[] {
  const names = new Set([...Object.keys(live), ...Object.keys(mirror)]);
  return [...names].filter((name) => hasTraffic({ live, mirror }, name));
}

export function hasTraffic({ live, mirror }: Traffic, deployment: string): boolean {
  return shareOf(live, deployment) > 0 || shareOf(mirror, deployment) > 0;
}

/** Live traffic split between the baseline and green; nothing mirrored. `percent` is green's, whole, 0 to 100. */
export function splitTraffic(baseline: string, green: string, percent: number): Traffic {
  return normalTraffic({ live: { [baseline]: 100 - percent, [green]: percent }, mirror: {} });
}

/** All live traffic stays with the baseline; `percent` of it is copied to green. */
export function mirrorTraffic(baseline: string, green: string, percent: number): Traffic {
  return normalTraffic({ live: { [baseline]: 100 }, mirror: { [green]: percent } });
}

/** Text for people: `blue 90 %, green 10 %` or `blue 100 %, mirror green 10 %`. */
export function trafficText(traffic: Traffic): string {
  const { live, mirror } = normalTraffic(traffic);
  const parts = Object.entries(live).map(([name, percent]) => `${name} ${percent} %`);
  const copies = Object.entries(mirror).map(([name, percent]) => `mirror ${name} ${percent} %`);
  return [...parts, ...copies].join(', ') || 'off';
}
