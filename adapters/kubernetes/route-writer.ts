import { setTimeout as sleep } from 'node:timers/promises';
import { FIELD_CONFLICT, OUTDATED } from '../../core/failures.js';
import { oneLine } from '../../core/one-line.js';
import type { z } from 'zod';
import { PortError, type CallOptions, type WriteOptions } from '../ports.js';
import { FIELD_MANAGER, type KubeClient, type Manifest, type Resource } from './client.js';
import { ROUTE_ANNOTATION, WRITTEN_ON_ANNOTATION } from './names.js';
import type { Metadata } from './objects.js';
import type { RouteState } from './states.js';
import { permanent } from './permanent.js';

/** Status updates of the gateway change the route as well: a few attempts meet a quiet moment. */
const ATTEMPTS = 8;
/** A gateway that has not said anything by then is slow, or away; that shows when the endpoint is read back. */
const TAKEN_WITHIN_MS = 30_000;
const ASK_EVERY_MS = 100;
/** A controller may not know a Service yet that was made a moment ago: a fault that stands longer is one. */
const FAULT_STANDS_MS = 2_500;

/** The list of rules that one kind of route has, and how one of its objects stands. */
export interface RuleList<O extends RoutedObject, R> {
  readonly resource: Resource;
  readonly schema: z.ZodType<O>;
  /** Its name within `spec`. */
  readonly field: string;
  of(object: O): readonly R[];
  state(object: O, options: CallOptions): Promise<RouteState>;
  /** @throws {PortError} for more rules than such an object takes. */
  refuse(name: string, rules: readonly R[]): void;
}

interface RoutedObject {
  readonly metadata: Metadata;
}

/**
 * Changes a route's rules, and returns when they are taken.
 *
 * Their lists are atomic: server-side apply knows no owner of a weight, only of the list of rules whole. So that is what
 * our field manager owns, with every rule of others in it word for word, and nothing else of the route. The write bears
 * the version that was read, so no change in between is lost. `force` is used to become its owner once, on a route that
 * somebody else made, and for `takeOver`; after that, another owner is a `FieldManagerConflict`.
 *
 * Rules that a gateway refuses, or goes on finding fault with, are put back as they were: not with `goesBack`, whatever it
 * says, and not where it found fault with the rules before as well and serves the new ones. A Service that is gone is refused under any
 * weight, and in any rule of the route, while new shares are served all the same.
 *
 * @param change - what the rules become; where they become what they are, nothing is written, unless `again`: that gives
 *   the route a version that no write from before bears.
 */
export async function writeRules<O extends RoutedObject, R>(
  client: KubeClient,
  list: RuleList<O, R>,
  name: string,
  change: (object: O) => Promise<readonly R[]> | readonly R[],
  write: WriteOptions,
): Promise<void> {
  const { takeOver = false, goesBack = false, again = false } = write;
  const options = callOf(write);
  const { resource } = list;
  const title = `${resource.kind} ${name}`;
  const what = `write the rules of ${title}`;
  const find = async (): Promise<O> => {
    const object = await client.find(list.schema, resource, name, { what: `read ${title}`, ...options });
    if (object === undefined)
      throw permanent(
        'ResourceNotFound',
        `${title} of namespace ${client.namespace} is gone; create it anew`,
      );
    return object;
  };
  for (let attempt = 1; ; attempt++) {
    const before = await find();
    refuseOwned(resource, before);
    const rules = await change(before);
    const same = isSame(rules, list.of(before));
    if (same && !again && (!takeOver || ownsRules(list, before))) return;
    list.refuse(name, rules);
    const force = takeOver || before.metadata.annotations[ROUTE_ANNOTATION] === undefined;
    // The version guards against a change since the last reading, not against one before it.
    write.confirm?.();
    let written: O;
    try {
      const answer = await client.apply(manifestOf(list, before, rules, again), resource, {
        what,
        force,
        ...options,
      });
      write.taken?.();
      written = list.schema.parse(JSON.parse(answer));
    } catch (thrown) {
      if (!(thrown instanceof PortError)) throw thrown;
      if (thrown.code === OUTDATED && attempt < ATTEMPTS) continue;
      if (thrown.code === FIELD_CONFLICT) throw conflict(list, before, thrown);
      throw thrown;
    }
    const fault = await faultWith(written, before);
    if (fault === undefined) return;
    throw notTaken(`the new rules of ${title}, and ${await putBack(before, written)}`, fault);
  }

  /** Waits until the rules are taken; returns what the gateway says against them, where they are not to stay. */
  async function faultWith(written: O, before: O): Promise<string | undefined> {
    const untilMs = Date.now() + TAKEN_WITHIN_MS;
    let failedSinceMs: number | undefined;
    for (let object = written; ; object = await find()) {
      // Written over since: what that brought shows when it is read back.
      if (generationOf(object) > generationOf(written)) return undefined;
      const { state, error = 'no reason', refused = false } = await list.state(object, options);
      if (state === 'ready') return undefined;
      if (state === 'failed') {
        if (goesBack || (!refused && (await list.state(before, options)).state === 'failed'))
          return undefined;
        failedSinceMs ??= Date.now();
        if (refused || Date.now() - failedSinceMs >= FAULT_STANDS_MS) return error;
      } else {
        failedSinceMs = undefined;
        if (Date.now() > untilMs) return undefined;
      }
      await sleep(ASK_EVERY_MS, undefined, options);
    }
  }

  /**
   * The way back from rules that the gateway refuses, while nobody may be served: a fault that passes does not end it.
   *
   * @returns what became of them, in words. Where somebody has written since, what stands there is theirs, and stays.
   */
  async function putBack(before: O, written: O): Promise<string> {
    const back = 'they were put back';
    for (let attempt = 1; ; attempt++) {
      try {
        const now = await find();
        // An attempt whose answer was lost may have done it.
        if (isSame(list.of(now), list.of(before))) return back;
        if (generationOf(now) !== generationOf(written))
          return 'the route stays as somebody has written it since';
        write.confirm?.();
        await client.apply(manifestOf(list, now, list.of(before)), resource, {
          what: `put the rules of ${title} back`,
          force: true,
          ...options,
        });
        return back;
      } catch (thrown) {
        if (!(thrown instanceof PortError)) throw thrown;
        if (thrown.kind === 'permanent' || attempt === ATTEMPTS)
          return `they could not be put back (${thrown.message})`;
        await sleep(attempt * ASK_EVERY_MS, undefined, options);
      }
    }
  }
}

/** The gateway refuses rules, or goes on finding fault with them. */
export function notTaken(what: string, fault = 'no reason'): PortError {
  return permanent('NotTaken', `The gateway did not take ${what}: ${fault}; mend what it names`);
}

function isSame(rules: readonly unknown[], others: readonly unknown[]): boolean {
  return JSON.stringify(rules) === JSON.stringify(others);
}

function generationOf({ metadata }: RoutedObject): number {
  return metadata.generation ?? 0;
}

/**
 * Only the rules, their mark, and the version that they were made from.
 *
 * @param again - with something in it that was not there: an apply that changes nothing leaves the version as it is.
 */
function manifestOf<O extends RoutedObject, R>(
  { resource, field }: RuleList<O, R>,
  { metadata }: O,
  rules: readonly R[],
  again = false,
): Manifest {
  return {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata: {
      name: metadata.name,
      resourceVersion: metadata.resourceVersion,
      annotations: {
        [ROUTE_ANNOTATION]: 'managed',
        ...(again ? { [WRITTEN_ON_ANNOTATION]: metadata.resourceVersion } : {}),
      },
    },
    spec: { [field]: rules },
  };
}

/** What a controller made it would write over: two masters, and no rollout can be read back. */
export function refuseOwned({ kind }: Resource, { metadata }: RoutedObject): void {
  const owner = metadata.ownerReferences.find(({ controller }) => controller === true);
  if (owner === undefined) return;
  throw permanent(
    'OwnedByController',
    `${kind} ${metadata.name} belongs to the ${owner.kind} ${owner.name}, whose controller would write over every change; roll out through that, or make a route of its own for the endpoint`,
  );
}

/** Whether a field manager's entry names the list, or what is in it. */
function names(field: string, fieldsV1: unknown): boolean {
  return JSON.stringify(fieldsV1 ?? {}).includes(`"f:${field}"`);
}

function ownsRules<O extends RoutedObject, R>({ field }: RuleList<O, R>, { metadata }: O): boolean {
  return metadata.managedFields.some(
    ({ manager, operation, fieldsV1 }) =>
      manager === FIELD_MANAGER && operation === 'Apply' && names(field, fieldsV1),
  );
}

function conflict<O extends RoutedObject, R>(
  { resource, field }: RuleList<O, R>,
  { metadata }: O,
  thrown: PortError,
): PortError {
  const owners = metadata.managedFields
    .filter(({ manager, fieldsV1 }) => manager !== FIELD_MANAGER && names(field, fieldsV1))
    .map(({ manager = 'someone', time }) => `${manager}${time === undefined ? '' : ` since ${time}`}`);
  return new PortError(
    `The rules of ${resource.kind} ${metadata.name} are managed by ${owners.join(', ') || 'someone else'} now: ${oneLine(thrown.message)}`,
    { kind: 'permanent', code: FIELD_CONFLICT },
    { cause: thrown },
  );
}

/** What of a write's options is any call's. */
export function callOf({ signal }: WriteOptions): CallOptions {
  return signal === undefined ? {} : { signal };
}
