import type { Connection } from '@temporalio/client';
import {
  SEARCH_ATTRIBUTES,
  type SearchAttributeName,
  USES_SEARCH_ATTRIBUTES,
} from '../core/search-attributes.js';
import { EmbeddedError, messageOf } from './errors.js';
import { until } from './processes.js';

/** temporal.api.enums.v1.IndexedValueType, as far as we use it. */
const INDEXED_VALUE_TYPE = { KEYWORD: 2, INT: 3 } as const;

/**
 * Makes the namespace know the search attributes of rollouts, and waits until queries may use them. Safe to repeat.
 *
 * @throws {EmbeddedError} when one exists with another type, when they do not become known within 30 s, or when the
 *   server lets only its own tools register them (a hosted one) and they are not there.
 */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  try {
    await addMissing(connection, namespace);
  } catch (error) {
    const code = (error as { code?: number }).code;
    if (code !== GRPC.PERMISSION_DENIED && code !== GRPC.UNIMPLEMENTED) throw error;
    if ((await unknownBecause(connection, namespace)) === undefined) return;
    throw new EmbeddedError(
      `Temporal does not let this user register search attributes in namespace "${namespace}", and they are not there.\n` +
        `Wanted: ${describeAll()}.\nRegister them with the tools of that server, and run this again.`,
      { cause: error },
    );
  }
  await waitUntilKnown(connection, namespace);
}

async function addMissing(connection: Connection, namespace: string): Promise<void> {
  const { customAttributes: known } = await connection.operatorService.listSearchAttributes({ namespace });
  for (const name of names()) {
    const type = known[name];
    if (type !== undefined && type !== INDEXED_VALUE_TYPE[SEARCH_ATTRIBUTES[name]]) {
      throw new EmbeddedError(
        `The search attribute ${name} of namespace "${namespace}" has another type (number ${type} of Temporal's list).\n` +
          `Wanted: ${describeAll()}.\n` +
          'Remove it there (`temporal operator search-attribute remove`), or use another namespace.',
      );
    }
  }
  const missing = names().filter((name) => known[name] === undefined);
  if (missing.length === 0) return;
  await connection.operatorService
    .addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(
        missing.map((name) => [name, INDEXED_VALUE_TYPE[SEARCH_ATTRIBUTES[name]]]),
      ),
    })
    .catch((error: unknown) => {
      // Somebody else was faster.
      if ((error as { code?: number }).code !== GRPC.ALREADY_EXISTS) throw error;
    });
}

/** The frontend reads its namespaces anew every few seconds: until then, a rollout that uses the names is refused. */
async function waitUntilKnown(connection: Connection, namespace: string): Promise<void> {
  let why: unknown;
  const known = await until(
    async () => {
      why = await unknownBecause(connection, namespace);
      return why === undefined ? true : undefined;
    },
    30_000,
    200,
  );
  if (known === undefined) {
    throw new EmbeddedError(
      `Temporal does not know the search attributes of namespace "${namespace}" 30 s after they were registered: ` +
        `${messageOf(why)}\nWanted: ${describeAll()}. Run this again, and look at the server's log if it persists.`,
    );
  }
}

async function unknownBecause(connection: Connection, namespace: string): Promise<unknown> {
  return connection.workflowService
    .countWorkflowExecutions({ namespace, query: USES_SEARCH_ATTRIBUTES })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
}

function names(): SearchAttributeName[] {
  return Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[];
}

function describeAll(): string {
  return names()
    .map((name) => `${name} ${SEARCH_ATTRIBUTES[name]}`)
    .join(', ');
}

/** Of google.rpc.Code. */
const GRPC = { ALREADY_EXISTS: 6, PERMISSION_DENIED: 7, UNIMPLEMENTED: 12 } as const;
