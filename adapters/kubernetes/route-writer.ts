import { setTimeout as sleep } from 'node:timers/promises';
import { FIELD_CONFLICT } from '../../core/failures.js';
import { PortError, type WriteOptions } from '../ports.js';
import { FIELD_MANAGER, ROUTES, type KubeClient, type Manifest } from './client.js';
import { oneLine } from '../one-line.js';
import { OUTDATED } from './errors.js';
import { ROUTE_ANNOTATION } from './names.js';
import { Route, type Rule } from './objects.js';
import { MOST_BACKENDS, MOST_RULES } from './rules.js';
import { routeState } from './states.js';
import { permanent } from './view.js';

/** Status updates of the gateway change the route as well: a few attempts meet a quiet moment. */
const ATTEMPTS = 8;
/** A gateway that has not said anything by then is slow, or away; that shows when the endpoint is read back. */
const TAKEN_WITHIN_MS = 30_000;
const ASK_EVERY_MS = 100;

/** What a route's rules become; the same array means that nothing changes. */
export type Change = (route: Route) => Promise<readonly Rule[]> | readonly Rule[];

/**
 * Changes a route's rules, and returns when its gateway has taken them.
 *
 * The Gateway API's lists are atomic: server-side apply knows no owner of a weight, only of `spec.rules` whole. So that is
 * what our field manager owns, with every rule of others in it word for word, and nothing else of the route. The write
 * bears the version that was read, so no change in between is lost. `force` is used to become its owner once, on a route
 * that somebody else made, and for `takeOver`; after that, another owner is a `FieldManagerConflict`.
 *
 * Rules that a gateway refuses are put back as they were.
 */
export async function writeRules(
  client: KubeClient,
  endpoint: string,
  change: Change,
  { signal, takeOver = false }: WriteOptions,
): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  const what = `write the rules of HTTPRoute ${endpoint}`;
  const find = async (): Promise<Route> => {
    const route = await client.find(Route, ROUTES, endpoint, {
      what: `read HTTPRoute ${endpoint}`,
      ...options,
    });
    if (route === undefined)
      throw permanent(
        'ResourceNotFound',
        `HTTPRoute ${endpoint} of namespace ${client.namespace} is gone; create it anew`,
      );
    return route;
  };
  for (let attempt = 1; ; attempt++) {
    const before = await find();
    refuseOwned(before);
    const rules = await change(before);
    if (rules === before.spec.rules && (!takeOver || ownsRules(before))) return;
    refuseTooMany(endpoint, rules);
    const force = takeOver || before.metadata.annotations[ROUTE_ANNOTATION] === undefined;
    try {
      const written = await client.apply(manifestOf(before, rules), ROUTES, { what, force, ...options });
      await untilTaken(Route.parse(JSON.parse(written)));
      return;
    } catch (thrown) {
      if (!(thrown instanceof PortError)) throw thrown;
      if (thrown.code === OUTDATED && attempt < ATTEMPTS) continue;
      if (thrown.code === FIELD_CONFLICT) throw conflict(before, thrown);
      if (thrown.code === NOT_TAKEN) await putBack(before);
      throw thrown;
    }
  }

  async function untilTaken(written: Route): Promise<void> {
    const generation = written.metadata.generation ?? 0;
    const untilMs = Date.now() + TAKEN_WITHIN_MS;
    for (let route = written; ; route = await find()) {
      // Written over since: what that brought shows when it is read back.
      if ((route.metadata.generation ?? 0) > generation) return;
      const { state, error } = routeState(route);
      if (state === 'ready' || Date.now() > untilMs) return;
      if (state === 'failed') {
        throw permanent(
          NOT_TAKEN,
          `The gateway did not take the new rules of HTTPRoute ${endpoint}, and they were put back: ${error ?? 'no reason'}; mend what it names`,
        );
      }
      await sleep(ASK_EVERY_MS, undefined, options);
    }
  }

  async function putBack({ spec }: Route): Promise<void> {
    const now = await find();
    await client.apply(manifestOf(now, spec.rules), ROUTES, {
      what: `put the rules of HTTPRoute ${endpoint} back`,
      force: true,
      ...options,
    });
  }
}

const NOT_TAKEN = 'NotTaken';

/** Only the rules, their mark, and the version that they were made from. */
function manifestOf({ metadata }: Route, rules: readonly Rule[]): Manifest {
  return {
    apiVersion: ROUTES.apiVersion,
    kind: ROUTES.kind,
    metadata: {
      name: metadata.name,
      resourceVersion: metadata.resourceVersion,
      annotations: { [ROUTE_ANNOTATION]: 'managed' },
    },
    spec: { rules },
  };
}

/** What a controller made it would write over: two masters, and no rollout can be read back. */
export function refuseOwned({ metadata }: Route): void {
  const owner = metadata.ownerReferences.find(({ controller }) => controller === true);
  if (owner === undefined) return;
  throw permanent(
    'OwnedByController',
    `HTTPRoute ${metadata.name} belongs to the ${owner.kind} ${owner.name}, whose controller would write over every change; roll out through that, or make a route of its own for the endpoint`,
  );
}

function refuseTooMany(endpoint: string, rules: readonly Rule[]): void {
  const most = Math.max(0, ...rules.map(({ backendRefs = [] }) => backendRefs.length));
  if (rules.length <= MOST_RULES && most <= MOST_BACKENDS) return;
  throw permanent(
    'TooManyRules',
    `HTTPRoute ${endpoint} would have ${rules.length} rules and up to ${most} backends in one; the Gateway API takes ${MOST_RULES} and ${MOST_BACKENDS}. Take deployments or rules out, or move rules to a route of their own`,
  );
}

function ownsRules({ metadata }: Route): boolean {
  return metadata.managedFields.some(
    ({ manager, operation, fieldsV1 }) =>
      manager === FIELD_MANAGER && operation === 'Apply' && /"f:rules"/.test(JSON.stringify(fieldsV1 ?? {})),
  );
}

function conflict({ metadata }: Route, thrown: PortError): PortError {
  const owners = metadata.managedFields
    .filter(
      ({ manager, fieldsV1 }) =>
        manager !== FIELD_MANAGER && /"f:rules"/.test(JSON.stringify(fieldsV1 ?? {})),
    )
    .map(({ manager = 'someone', time }) => `${manager}${time === undefined ? '' : ` since ${time}`}`);
  return new PortError(
    `The rules of HTTPRoute ${metadata.name} are managed by ${owners.join(', ') || 'someone else'} now: ${oneLine(thrown.message)}`,
    { kind: 'permanent', code: FIELD_CONFLICT },
    { cause: thrown },
  );
}
