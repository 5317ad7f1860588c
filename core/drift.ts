import {
  findDeployment,
  isMadeBy,
  ROLLOUT_TAG,
  type DeploymentState,
  type EndpointState,
} from './endpoint.js';
import { hasTraffic, sameTraffic, shareOf, trafficText, type Traffic } from './traffic.js';
import { counted } from './units.js';

/** A deployment that someone else gave fewer instances. */
export interface Scaled {
  readonly deployment: string;
  /** Instances that the rollout knows it with. */
  readonly from: number;
  readonly to: number;
}

/** What someone else made of the endpoint. */
export interface Drift {
  /** Its traffic; null when the endpoint or a deployment that the rollout needs is gone. */
  readonly observed: Traffic | null;
  readonly scaled: readonly Scaled[];
  /** Green, which is gone, where another stands under its name; left out where none does, and by older workers. */
  readonly replaced?: string | undefined;
}

/** The endpoint as the rollout left it. */
export interface Written {
  readonly traffic: Traffic;
  readonly baseline: string;
  readonly green: string;
  /** Instances by deployment, as far as they are known. */
  readonly instances: Readonly<Record<string, number>>;
  /** The rollout that made green; left out where green stood there before, and by older workflows. */
  readonly madeBy?: string;
}

/**
 * What differs from what the rollout wrote; null = nothing. Who is left where one is gone is counted, too: a rollback
 * needs the baseline's instances all the same.
 *
 * The baseline must stay also while it has no traffic: it is where a rollback goes. So must green from when it is there: what
 * a person approves is to be what gets a share then. More instances harm nobody, and are no drift.
 *
 * Another green under its name is not the version that was declared, tested and judged so far: it counts as gone.
 */
export function driftIn(written: Written, endpoint: EndpointState): Drift | null {
  const { traffic, baseline, green, instances, madeBy } = written;
  const awaited = hasTraffic(traffic, green) || instances[green] !== undefined;
  const needed = awaited ? [baseline, green] : [baseline];
  const found = needed.map((name) => findDeployment(endpoint, name));
  const standing = found.filter((one) => one !== undefined).filter(({ state }) => state !== 'deleting');
  const isTheirs = (one: DeploymentState): boolean => one.name === green && isReplaced(one, madeBy);
  const there = standing.filter((one) => !isTheirs(one));
  const scaled = scaledIn(there, instances);
  const observed = there.length < needed.length ? null : endpoint.traffic;
  return visibleDrift(traffic, { observed, scaled, replaced: standing.find(isTheirs)?.name });
}

/** Whether it is another than the one that the rollout made. */
function isReplaced(one: DeploymentState, madeBy: Written['madeBy']): boolean {
  return madeBy !== undefined && !isMadeBy(one, madeBy);
}

/**
 * Why green, which has a share, is not there to answer for it; null: it is, or has none. A look finds it `gone` or `off`, too,
 * and holds for that; that none of its instances answers for a moment (`silent`) is no drift.
 */
export function greenMissed(
  { traffic, green, instances, madeBy }: Written,
  endpoint: EndpointState,
): 'gone' | 'off' | 'silent' | null {
  if (shareOf(traffic.live, green) === 0) return null;
  const found = findDeployment(endpoint, green);
  if (found === undefined || found.state === 'deleting' || isReplaced(found, madeBy)) return 'gone';
  const { wanted, ready } = found.instances;
  if (wanted > 0) return ready === 0 ? 'silent' : null;
  return scaledIn([found], instances).length > 0 ? 'off' : null;
}

/** Who of them should have fewer instances than it is known with. */
export function scaledIn(
  deployments: readonly DeploymentState[],
  known: Written['instances'],
): readonly Scaled[] {
  return deployments.flatMap(({ name, instances: { wanted: to } }) => {
    const from = known[name];
    return from === undefined || to >= from ? [] : [{ deployment: name, from, to }];
  });
}

/** Whether two looks found the same; what a rollout is held for already is not told again. */
export function sameDrift(a: Drift | null, b: Drift | null): boolean {
  if (a === null || b === null) return a === b;
  if (JSON.stringify(a.scaled) !== JSON.stringify(b.scaled) || a.replaced !== b.replaced) return false;
  if (a.observed === null || b.observed === null) return a.observed === b.observed;
  return sameTraffic(a.observed, b.observed);
}

/** `the rollout wrote blue 90 %, green 10 %, the endpoint shows blue 100 %; blue was scaled from 4 to 1 instances` */
export function driftText(written: Traffic, { observed, scaled, replaced }: Drift): string {
  const parts: string[] = [];
  if (observed === null) {
    const what =
      replaced === undefined
        ? 'the endpoint or one of its deployments is gone'
        : `${replaced} is not the one that it made any more: its tag ${ROLLOUT_TAG} is missing, or another's`;
    parts.push(`the rollout wrote ${trafficText(written)}, ${what}`);
  } else if (!sameTraffic(observed, written)) {
    parts.push(`the rollout wrote ${trafficText(written)}, the endpoint shows ${trafficText(observed)}`);
  }
  for (const { deployment, from, to } of scaled) {
    parts.push(`${deployment} was scaled from ${from} to ${counted(to, 'instance')}`);
  }
  // A target that knows who wrote its rules last can refuse a write though they look the same.
  return (
    parts.join('; ') || `its traffic rules are someone else's now, though they show ${trafficText(written)}`
  );
}

/** What of it a look can see; null = nothing: all is as written. */
export function visibleDrift(written: Traffic, { observed, scaled, replaced }: Drift): Drift | null {
  const same = observed !== null && sameTraffic(observed, written);
  return same && scaled.length === 0 ? null : { observed, scaled, replaced };
}
