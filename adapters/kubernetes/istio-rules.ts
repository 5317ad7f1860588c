import type { Traffic } from '../../core/traffic.js';
import { distinctNames } from './entry-names.js';
import type { Destination, HttpDestination, HttpMatch, HttpRule, Mirror } from './istio-objects.js';
import { limitOfRule } from './limits.js';
import { PIN_HEADER } from './names.js';
import { permanent } from './permanent.js';
import type { Backend } from './router.js';
import { agreedTraffic } from './rules.js';
import { weightsOf } from './shares.js';

/** What the rules of one VirtualService are read and written with. */
export interface IstioFrame {
  readonly namespace: string;
  readonly backends: readonly Backend[];
}

/** Shares and mirror, as `spec.http` has them; rules and strangers show as they do for an HTTPRoute (rules.ts). */
export function istioTraffic(rules: readonly HttpRule[], frame: IstioFrame): Traffic {
  return agreedTraffic(
    liveHttpRules(rules, frame).map((index) => [index, trafficOfRule(rules[index] as HttpRule, frame)]),
  );
}

/**
 * The rules with these shares and mirror; order, and what else they hold, stays.
 *
 * Weights are whole percent that sum to 100; only shares that were read of weights with another sum, which such an Istio
 * takes, are written otherwise. What Istio takes a weight of 0 for depends on its company: a destination that stands alone
 * gets everything, and several with nothing are refused by its validation.
 *
 * @throws {PortError} permanent `NoShares` for no live traffic at all, which a VirtualService cannot say.
 */
export function withIstioTraffic(
  rules: readonly HttpRule[],
  frame: IstioFrame,
  traffic: Traffic,
): readonly HttpRule[] {
  const live = new Set(liveHttpRules(rules, frame));
  const weightOf = weightsOf(traffic);
  const serving = frame.backends.filter(({ deployment }) => (traffic.live[deployment] ?? 0) > 0);
  return rules.map((rule, index) => {
    if (!live.has(index)) return rule;
    const names = namesOf(rule.route ?? [], frame);
    const there = (rule.route ?? []).map((entry, i) => ({
      ...entry,
      weight: weightOf(names[i] as string),
    }));
    const missing = serving
      .filter((backend) => !there.some(({ destination }) => leadsTo(destination, backend, frame)))
      .map((backend) => ({
        destination: destinationOf(backend),
        weight: weightOf(backend.deployment),
      }));
    const route = [...there, ...missing];
    if (route.every(({ weight }) => weight === 0)) throw noShares();
    const timeout = limitOfRule(frame.backends, serving, {
      rule: rule.timeout,
      pin: (backend) => pinLimit(rules, pinRule(rule, backend)),
      unsaidMs: Infinity,
      text: seconds,
    });
    const mirrored = { ...withMirrors(rule, frame, traffic), route };
    const { timeout: _before, ...unlimited } = mirrored;
    // Every other field keeps its place: rules that become what they are are not written.
    return timeout === undefined ? unlimited : { ...mirrored, timeout };
  });
}

/**
 * The rules with a way to each deployment by its header. The first rule that matches has a request, so each pin stands
 * right before the live traffic's rule that it is made from; the others stay as they stand.
 */
export function withIstioPins(rules: readonly HttpRule[], frame: IstioFrame): readonly HttpRule[] {
  const live = new Set(liveHttpRules(rules, frame));
  return rules.flatMap((rule, index) => {
    if (!live.has(index)) return [rule];
    const before = rules.slice(0, index);
    const pins = frame.backends
      .map((backend) => pinRule(rule, backend))
      .filter((pin) => !before.some((one) => samePin(one, pin)));
    return [...pins, rule];
  });
}

/**
 * The rules without a deployment that has no traffic. The others keep their order. Where it stands alone it stays: Istio
 * refuses a rule that leads nowhere.
 */
export function withoutIstioDeployment(
  rules: readonly HttpRule[],
  frame: IstioFrame,
  deployment: string,
): readonly HttpRule[] {
  const live = new Set(liveHttpRules(rules, frame));
  const gone = frame.backends.filter((backend) => backend.deployment === deployment);
  return rules
    .map((rule, index) =>
      live.has(index)
        ? {
            ...withMirrors(rule, { ...frame, backends: gone }, { live: {}, mirror: {} }),
            route: withoutEntry(rule.route ?? [], frame, deployment),
          }
        : rule,
    )
    .filter((rule, index) => live.has(index) || pinnedTo(rule, frame) !== deployment);
}

function withoutEntry(
  route: readonly HttpDestination[],
  frame: IstioFrame,
  deployment: string,
): HttpDestination[] {
  const left = route.filter(({ destination }) => ours(destination, frame)?.deployment !== deployment);
  return left.length === 0 ? [...route] : left;
}

/** Whether the header reaches a deployment on every way that live traffic takes. */
export function isIstioPinned(rules: readonly HttpRule[], frame: IstioFrame, deployment: string): boolean {
  const backend = frame.backends.find((one) => one.deployment === deployment);
  if (backend === undefined) return false;
  return liveHttpRules(rules, frame).every((index) => {
    const pin = pinRule(rules[index] as HttpRule, backend);
    return rules.slice(0, index).some((rule) => samePin(rule, pin));
  });
}

/** Rules that carry clients' traffic to the endpoint's deployments. */
export function liveHttpRules(rules: readonly HttpRule[], frame: IstioFrame): readonly number[] {
  return rules.flatMap((rule, index) =>
    !isForHeader(rule) && rule.route?.some(({ destination }) => ours(destination, frame)) === true
      ? [index]
      : [],
  );
}

/** Who gets live traffic where none of it is a deployment's; undefined: some is. */
export function istioStrangersOf(
  rules: readonly HttpRule[],
  frame: IstioFrame,
): readonly string[] | undefined {
  if (liveHttpRules(rules, frame).length > 0) return undefined;
  const names = rules.flatMap((rule) => (isForHeader(rule) ? [] : namesOf(rule.route ?? [], frame)));
  return [...new Set(names)];
}

function trafficOfRule(rule: HttpRule, frame: IstioFrame): Traffic {
  const entries = rule.route ?? [];
  const total = entries.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const live: Record<string, number> = {};
  const names = namesOf(entries, frame);
  for (const [i, { weight = 0 }] of entries.entries()) {
    const name = names[i] as string;
    // Alone, it gets everything, whatever its weight.
    const share = entries.length === 1 ? 100 : total === 0 ? 0 : (weight / total) * 100;
    live[name] = Math.round(((live[name] ?? 0) + share) * 100) / 100;
  }
  const mirror: Record<string, number> = {};
  for (const { destination, percentage } of mirrorsOf(rule)) {
    const deployment = ours(destination, frame)?.deployment;
    // No percentage means every request.
    if (deployment !== undefined) mirror[deployment] = (mirror[deployment] ?? 0) + (percentage?.value ?? 100);
  }
  return { live, mirror };
}

/** Copies, in either form that they may be written in. */
function mirrorsOf(rule: HttpRule): readonly Mirror[] {
  const { mirror, mirrors = [] } = rule;
  if (mirror === undefined) return mirrors;
  const share = rule.mirrorPercentage?.value ?? rule.mirrorPercent ?? rule.mirror_percent ?? undefined;
  return [
    { destination: mirror, ...(share === undefined ? {} : { percentage: { value: share } }) },
    ...mirrors,
  ];
}

function withoutMirrors(rule: HttpRule): HttpRule {
  const {
    mirror: _a,
    mirrorPercentage: _b,
    mirrorPercent: _c,
    mirror_percent: _d,
    mirrors: _e,
    ...rest
  } = rule;
  return rest;
}

/** Copies to others stay; a rule has one form of copies or the other, so the old one becomes a list with ours in it. */
function withMirrors(rule: HttpRule, frame: IstioFrame, { mirror: shares }: Traffic): HttpRule {
  const copies = frame.backends.flatMap((backend): Mirror[] => {
    const value = shares[backend.deployment] ?? 0;
    return value === 0 ? [] : [{ destination: destinationOf(backend), percentage: { value } }];
  });
  const there = mirrorsOf(rule);
  const others = there.filter(({ destination }) => ours(destination, frame) === undefined);
  if (copies.length === 0 && others.length === there.length) return rule;
  const mirrors = [...others, ...copies];
  return { ...withoutMirrors(rule), ...(mirrors.length === 0 ? {} : { mirrors }) };
}

function pinRule(live: HttpRule, backend: Backend): HttpRule {
  const { name: _name, timeout, ...rest } = withoutMirrors(live);
  const { timeoutMs } = backend;
  const limit = timeoutMs === undefined ? timeout : seconds(timeoutMs);
  const matches = (live.match ?? []).filter((match) => !namesHeader(match));
  return {
    ...rest,
    match: (matches.length > 0 ? matches : [{}]).map((match) => ({
      ...match,
      headers: { ...match.headers, [PIN_HEADER]: { exact: backend.deployment } },
    })),
    route: [{ destination: destinationOf(backend) }],
    ...(limit === undefined ? {} : { timeout: limit }),
  };
}

function pinLimit(rules: readonly HttpRule[], pin: HttpRule) {
  const found = rules.find((rule) => samePin(rule, pin));
  return found === undefined ? undefined : { limit: found.timeout };
}

function samePin(rule: HttpRule, pin: HttpRule): boolean {
  const [a, b] = [rule, pin].map(({ match, route = [] }) =>
    JSON.stringify([sorted(match ?? []), route.map(({ destination }) => destination.host.split('.')[0])]),
  );
  return a === b;
}

/** With the keys of every object in order: the server gives them back in its own. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, part]) => [key, sorted(part)]),
  );
}

/** The deployment that a rule sends requests with the header to, whatever value it wants. */
function pinnedTo(rule: HttpRule, frame: IstioFrame): string | undefined {
  const [only, ...more] = rule.route ?? [];
  if (only === undefined || more.length > 0 || !isForHeader(rule)) return undefined;
  return ours(only.destination, frame)?.deployment;
}

/** Whether only requests with the header get to a rule: no live traffic does. */
function isForHeader({ match = [] }: HttpRule): boolean {
  return match.length > 0 && match.every(namesHeader);
}

function namesHeader({ headers = {} }: HttpMatch): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === PIN_HEADER);
}

/** The deployment that each destination is; of one that is none of ours, its host and subset. */
function namesOf(entries: readonly HttpDestination[], frame: IstioFrame): readonly string[] {
  return distinctNames(
    entries.map(({ destination }) => {
      const { host, subset, port } = destination;
      const backend = ours(destination, frame);
      return {
        name: backend?.deployment ?? `Service ${host}${subset === undefined ? '' : ` subset ${subset}`}`,
        port: port?.number,
        wanted: backend?.port,
      };
    }),
  );
}

function ours(destination: Destination, frame: IstioFrame): Backend | undefined {
  return frame.backends.find((backend) => leadsTo(destination, backend, frame));
}

/**
 * Whether a destination is a Service whole. Hosts are the Service's name, with its namespace and the cluster's domain or
 * without; a subset is some of its pods only, which no Service of a deployment has.
 */
function leadsTo({ host, subset }: Destination, { service }: Backend, { namespace }: IstioFrame): boolean {
  if (subset !== undefined && subset !== '') return false;
  const [name, space = namespace, kind = 'svc'] = host.split('.');
  return name === service && space === namespace && kind === 'svc';
}

/** By the short name, which Istio takes for one of the VirtualService's own namespace, whatever the cluster's domain. */
function destinationOf({ service, port }: Backend): HttpDestination['destination'] {
  return { host: service, port: { number: port } };
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}

function noShares() {
  return permanent(
    'NoShares',
    'A VirtualService cannot give every destination nothing: Istio refuses several without any weight, and one alone gets all; expected live traffic for at least one deployment. Take its rule or its host out of it instead',
  );
}
