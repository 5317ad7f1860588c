import { normalTraffic, sameTraffic, type Traffic } from '../../core/traffic.js';
import { distinctNames } from './entry-names.js';
import { limitOfRule } from './limits.js';
import { NOBODY, PIN_HEADER } from './names.js';
import type { BackendRef, Filter, Match, Rule } from './objects.js';
import type { Backend } from './router.js';
import { copiedPercent, copiedShare, weightsOf } from './shares.js';

/** What the rules of one route are read and written with. */
export interface Frame {
  readonly namespace: string;
  readonly backends: readonly Backend[];
  /** Whether the gateway can set request headers per backend: its proxy then counts each backend apart. */
  readonly markBackends: boolean;
}

/** As many rules and backends as the Gateway API takes. */
export const MOST_RULES = 16;
export const MOST_BACKENDS = 16;
/** How long gateways made of Envoy wait where a rule says nothing; others may do otherwise. */
const ENVOYS_LIMIT_MS = 15_000;

/**
 * Shares and mirror, as a route's rules have them. Rules that carry the live traffic all have to say the same; what a
 * further one says otherwise shows under a name of its own (`blue (rule 2)`), so that nobody takes it for agreed.
 *
 * Backends that are no deployment of the endpoint show as `Service NAME`. Copies to such ones are somebody else's
 * business and do not show.
 */
export function trafficOf(rules: readonly Rule[], frame: Frame): Traffic {
  return agreedTraffic(liveRules(rules, frame).map((index) => [index, trafficOfRule(rules[index], frame)]));
}

/** The traffic of rules that all have to say the same, each with its place in the route. */
export function agreedTraffic(rules: readonly (readonly [index: number, Traffic])[]): Traffic {
  const [first, ...others] = rules.map(([index, traffic]) => ({ index, ...normalTraffic(traffic) }));
  if (first === undefined) return { live: {}, mirror: {} };
  let { live, mirror } = first;
  for (const other of others) {
    if (sameTraffic(other, first)) continue;
    live = { ...live, ...suffixed(other.live, other.index) };
    mirror = { ...mirror, ...suffixed(other.mirror, other.index) };
  }
  return { live, mirror };
}

/** Whether a deployment has a share, in whichever rule or entry. */
export function getsAny(shares: Readonly<Record<string, number>>, deployment: string): boolean {
  return Object.entries(shares).some(
    ([name, share]) => share > 0 && (name === deployment || name.startsWith(`${deployment} (`)),
  );
}

/** The rules with these shares and mirror; order, and what else they hold, stays. Every entry keeps its place. */
export function withTraffic(rules: readonly Rule[], frame: Frame, traffic: Traffic): readonly Rule[] {
  const live = new Set(liveRules(rules, frame));
  const weightOf = weightsOf(traffic);
  const serving = frame.backends.filter(({ deployment }) => (traffic.live[deployment] ?? 0) > 0);
  return rules.map((rule, index) => {
    if (!live.has(index)) return rule;
    const names = namesOf(rule.backendRefs ?? [], frame);
    const refs = (rule.backendRefs ?? []).map((ref, i) => ({
      ...ref,
      weight: weightOf(names[i] as string),
    }));
    const missing = serving.filter(({ service }) => !refs.some((ref) => isService(ref, service, frame)));
    const filters = (rule.filters ?? []).filter((filter) => !isOwnMirror(filter, frame));
    const copies = Object.entries(traffic.mirror).flatMap(([name, percent]) => {
      const backend = backendOf(frame, name);
      return backend === undefined || percent <= 0 ? [] : [mirrorFilter(backend, percent)];
    });
    const request = limitOfRule(frame.backends, serving, {
      rule: rule.timeouts?.request,
      pin: (backend) => pinLimit(rules, pinRule(rule, backend, frame)),
      unsaidMs: ENVOYS_LIMIT_MS,
      text: (ms) => `${ms}ms`,
    });
    const { filters: _, timeouts: { request: _before, ...otherTimeouts } = {}, ...rest } = rule;
    const timeouts = { ...otherTimeouts, ...(request === undefined ? {} : { request }) };
    return {
      ...rest,
      ...given('filters', [...filters, ...copies]),
      backendRefs: [...refs, ...missing.map((b) => backendRef(b, frame, weightOf(b.deployment)))],
      ...(Object.keys(timeouts).length === 0 ? {} : { timeouts }),
    };
  });
}

/**
 * The rules with every deployment in them: one that is new gets no live traffic yet, and each is reached by the header.
 * What stands there keeps its place; what is new takes that of one that has gone, or the end.
 */
export function withDeployments(rules: readonly Rule[], frame: Frame): readonly Rule[] {
  const live = liveRules(rules, frame);
  const added = rules.map((rule, index) => {
    if (!live.includes(index)) return rule;
    const refs = (rule.backendRefs ?? []).map((ref) => marked(ref, frame));
    for (const backend of frame.backends) {
      if (refs.some((ref) => isService(ref, backend.service, frame))) continue;
      const free = refs.findIndex((_, i) => isPlaceholder(refs, i));
      refs[free < 0 ? refs.length : free] = backendRef(backend, frame, 0);
    }
    return { ...rule, backendRefs: refs };
  });
  const pins = frame.backends.flatMap((backend) =>
    live.map((index) => pinRule(added[index] as Rule, backend, frame)),
  );
  for (const pin of pins) {
    if (added.some((rule) => samePin(rule, pin))) continue;
    const free = added.findIndex(isVacant);
    added[free < 0 ? added.length : free] = pin;
  }
  return added;
}

/**
 * The rules without a deployment. All others keep their places, by which proxies name their clusters: one that changed
 * its place would lose requests while its cluster is not there (see handover.ts). So in front of others, what is taken
 * out leaves a placeholder: an entry without weight of a Service that stays, or a rule that no request matches. Where it has
 * all the weight, its entry stays: a rule without any answers with an error.
 */
export function withoutDeployment(rules: readonly Rule[], frame: Frame, deployment: string): readonly Rule[] {
  const service = backendOf(frame, deployment)?.service;
  if (service === undefined) return rules;
  const live = new Set(liveRules(rules, frame));
  const other = frame.backends.find((backend) => backend.deployment !== deployment);
  const goes = (rule: Rule, index: number): boolean =>
    !live.has(index) && (isVacant(rule) || pinnedTo(rule, frame) === deployment);
  const end = rules.findLastIndex((rule, index) => !goes(rule, index)) + 1;
  return rules.slice(0, end).flatMap((rule, index): readonly Rule[] => {
    if (live.has(index)) return [withoutService(rule, service, frame)];
    if (!goes(rule, index)) return [rule];
    return other === undefined ? [] : [vacant(rule, other, frame)];
  });
}

function withoutService(rule: Rule, service: string, frame: Frame): Rule {
  const isCopy = ({ requestMirror }: Filter): boolean =>
    requestMirror !== undefined && isService(requestMirror.backendRef, service, frame);
  const { backendRefs } = rule;
  const left =
    backendRefs === undefined ? rule : { ...rule, backendRefs: withoutEntry(backendRefs, service, frame) };
  if (left.filters?.some(isCopy) !== true) return left;
  const { filters = [], ...rest } = left;
  return {
    ...rest,
    ...given(
      'filters',
      filters.filter((filter) => !isCopy(filter)),
    ),
  };
}

function withoutEntry(refs: readonly BackendRef[], service: string, frame: Frame): BackendRef[] {
  const stays = (ref: BackendRef): boolean => !isService(ref, service, frame);
  const last = refs.findLastIndex(stays);
  if (last < 0 && refs.some(({ weight }) => weight !== 0)) return [...refs];
  return refs
    .slice(0, last + 1)
    .map((ref) => (stays(ref) ? ref : { ...(refs[last] as BackendRef), weight: 0 }));
}

/** Of several entries of one Service, the last one counts. */
export function isPlaceholder(refs: readonly BackendRef[], index: number): boolean {
  const id = ({ kind, group, name, namespace, port }: BackendRef): string =>
    JSON.stringify([kind ?? 'Service', group ?? '', name, namespace ?? '', port ?? 0]);
  const own = refs[index];
  return own !== undefined && own.weight === 0 && refs.slice(index + 1).some((ref) => id(ref) === id(own));
}

/** A rule of a deployment that has gone: it keeps the places of those behind it. */
function vacant(rule: Rule, other: Backend, frame: Frame): Rule {
  const headers = [{ type: 'Exact', name: PIN_HEADER, value: NOBODY }];
  return {
    matches: (rule.matches ?? []).map((match) => ({ ...match, headers })),
    backendRefs: [backendRef(other, frame)],
  };
}

function isVacant({ matches = [] }: Rule): boolean {
  return (
    matches.length > 0 &&
    matches.every(({ headers = [] }) =>
      headers.some(({ name, value }) => name.toLowerCase() === PIN_HEADER && value === NOBODY),
    )
  );
}

/** Whether the header reaches a deployment on every way that live traffic takes. */
export function isPinned(rules: readonly Rule[], frame: Frame, deployment: string): boolean {
  const backend = backendOf(frame, deployment);
  if (backend === undefined) return false;
  return liveRules(rules, frame).every((index) => {
    const pin = pinRule(rules[index] as Rule, backend, frame);
    return rules.some((rule) => samePin(rule, pin));
  });
}

/** Rules that carry clients' traffic to the endpoint's deployments; while there are none, those that lead nowhere yet. */
export function liveRules(rules: readonly Rule[], frame: Frame): readonly number[] {
  const indexes = rules.flatMap((rule, index) => (isForHeader(rule) ? [] : [index]));
  const serving = indexes.filter((index) =>
    rules[index]?.backendRefs?.some((ref) => ours(ref, frame) !== undefined),
  );
  if (serving.length > 0) return serving;
  return indexes.filter((index) => {
    const { backendRefs = [], filters = [] } = rules[index] as Rule;
    return (
      backendRefs.length === 0 &&
      !filters.some(({ type }) => type === 'RequestRedirect' || type === 'ExtensionRef')
    );
  });
}

/** Who gets live traffic where none of it is, or may become, a deployment's; undefined: some is, or may. */
export function strangersOf(rules: readonly Rule[], frame: Frame): readonly string[] | undefined {
  if (liveRules(rules, frame).length > 0) return undefined;
  const names = rules.flatMap((rule) => (isForHeader(rule) ? [] : namesOf(rule.backendRefs ?? [], frame)));
  return [...new Set(names)];
}

/** The deployment that a rule sends requests with the header to, whatever value it wants. */
export function pinnedTo(rule: Rule, frame: Frame): string | undefined {
  const [ref, ...more] = rule.backendRefs ?? [];
  if (ref === undefined || more.length > 0 || !isForHeader(rule) || isVacant(rule)) return undefined;
  return ours(ref, frame)?.deployment;
}

/** Whether only requests with the header get to a rule: no live traffic does. */
function isForHeader({ matches = [] }: Rule): boolean {
  return matches.length > 0 && matches.every(namesHeader);
}

function namesHeader({ headers = [] }: Match): boolean {
  return headers.some(({ name }) => name.toLowerCase() === PIN_HEADER);
}

function pinRule(live: Rule, backend: Backend, frame: Frame): Rule {
  const matches = live.matches?.length
    ? live.matches.filter((match) => !namesHeader(match))
    : [{ path: { type: 'PathPrefix', value: '/' } }];
  const filters = (live.filters ?? []).filter((filter) => filter.type !== 'RequestMirror');
  return {
    matches: matches.map((match) => ({
      ...match,
      headers: [...(match.headers ?? []), { type: 'Exact', name: PIN_HEADER, value: backend.deployment }],
    })),
    ...given('filters', filters),
    backendRefs: [backendRef(backend, frame)],
    // One that says nothing waits as its team's rule does: see limits.ts.
    ...(backend.timeoutMs !== undefined
      ? { timeouts: { request: `${backend.timeoutMs}ms` } }
      : live.timeouts === undefined
        ? {}
        : { timeouts: live.timeouts }),
  };
}

function pinLimit(rules: readonly Rule[], pin: Rule) {
  const found = rules.find((rule) => samePin(rule, pin));
  return found === undefined ? undefined : { limit: found.timeouts?.request };
}

/** Same matches and backend: the server fills in defaults, so that the whole cannot be compared. */
function samePin(rule: Rule, pin: Rule): boolean {
  const [a, b] = [rule, pin].map(({ matches, backendRefs }) =>
    JSON.stringify([
      (matches ?? []).map(({ path, headers, method, queryParams }) => [
        path?.type ?? 'PathPrefix',
        path?.value ?? '/',
        (headers ?? []).map((h) => [h.type ?? 'Exact', h.name.toLowerCase(), h.value]),
        method ?? null,
        queryParams ?? null,
      ]),
      (backendRefs ?? []).map(({ name, port }) => [name, port]),
    ]),
  );
  return a === b;
}

function trafficOfRule(rule: Rule | undefined, frame: Frame): Traffic {
  const refs = rule?.backendRefs ?? [];
  const total = refs.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
  const live: Record<string, number> = {};
  const names = namesOf(refs, frame);
  for (const [i, ref] of refs.entries()) {
    const name = names[i] as string;
    const share = total === 0 ? 0 : ((ref.weight ?? 1) / total) * 100;
    live[name] = Math.round(((live[name] ?? 0) + share) * 100) / 100;
  }
  const mirror: Record<string, number> = {};
  for (const { requestMirror } of rule?.filters ?? []) {
    if (requestMirror === undefined) continue;
    const deployment = ours(requestMirror.backendRef, frame)?.deployment;
    if (deployment === undefined) continue;
    mirror[deployment] = (mirror[deployment] ?? 0) + copiedPercent(requestMirror);
  }
  return { live, mirror };
}

function suffixed(shares: Readonly<Record<string, number>>, rule: number): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(shares).map(([name, share]) => [`${name} (rule ${rule + 1})`, share]),
  );
}

/** The deployment that each backend is; of a backend that is none of ours, its kind and name. */
export function namesOf(refs: readonly BackendRef[], frame: Frame): readonly string[] {
  return distinctNames(
    refs.map((ref) => {
      const backend = ours(ref, frame);
      return {
        name: backend?.deployment ?? `${ref.kind ?? 'Service'} ${ref.name}`,
        port: ref.port,
        wanted: backend?.port,
      };
    }),
  );
}

function ours(ref: Omit<BackendRef, 'weight' | 'filters'>, frame: Frame): Backend | undefined {
  return frame.backends.find(({ service }) => isService(ref, service, frame));
}

export function isService(
  ref: Omit<BackendRef, 'weight' | 'filters'>,
  service: string,
  { namespace }: Frame,
): boolean {
  return (
    (ref.kind ?? 'Service') === 'Service' &&
    (ref.group ?? '') === '' &&
    (ref.namespace ?? namespace) === namespace &&
    ref.name === service
  );
}

function backendOf({ backends }: Frame, deployment: string): Backend | undefined {
  return backends.find((backend) => backend.deployment === deployment);
}

function backendRef(
  { service, port, deployment }: Backend,
  { markBackends }: Frame,
  weight?: number,
): BackendRef {
  return {
    name: service,
    port,
    ...(weight === undefined ? {} : { weight }),
    ...(markBackends
      ? {
          filters: [
            {
              type: 'RequestHeaderModifier',
              requestHeaderModifier: { set: [{ name: PIN_HEADER, value: deployment }] },
            },
          ],
        }
      : {}),
  };
}

/** An entry that others wrote, marked like ours; what they set themselves stays. */
function marked(ref: BackendRef, frame: Frame): BackendRef {
  const backend = ours(ref, frame);
  if (backend === undefined || !frame.markBackends) return ref;
  if (ref.filters?.some(({ type }) => type === 'RequestHeaderModifier')) return ref;
  return { ...ref, filters: [...(ref.filters ?? []), ...(backendRef(backend, frame).filters ?? [])] };
}

function mirrorFilter({ service, port }: Backend, percent: number): Filter {
  return {
    type: 'RequestMirror',
    requestMirror: { backendRef: { name: service, port }, ...copiedShare(percent) },
  };
}

function isOwnMirror({ requestMirror }: Filter, frame: Frame): boolean {
  return requestMirror !== undefined && ours(requestMirror.backendRef, frame) !== undefined;
}

/** A list that holds nothing is left out. */
function given<K extends string, T>(key: K, list: readonly T[]): { [P in K]?: T[] } {
  return (list.length === 0 ? {} : { [key]: list }) as { [P in K]?: T[] };
}
