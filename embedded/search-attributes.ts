import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES, type SearchAttributeName } from '../core/search-attributes.js';
import { EmbeddedError } from './errors.js';
import { until } from './processes.js';

/** temporal.api.enums.v1.IndexedValueType, as far as we use it. */
const INDEXED_VALUE_TYPE = { KEYWORD: 2, INT: 3 } as const;

/**
 * Makes the namespace know the search attributes of rollouts, and waits until queries may use them.
 *
 * Safe to repeat. A server that takes no such request (a hosted one) is for its own tools: it answers with why.
 *
 * @throws {EmbeddedError} when one exists with another type, or they do not become known within 30 s.
 */
export async function registerSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const known = await list(connection, namespace);
  const missing = names().filter((name) => known[name] === undefined);
  for (const name of names()) {
    const type = known[name];
    if (type !== undefined && type !== INDEXED_VALUE_TYPE[SEARCH_ATTRIBUTES[name]]) {
      throw new EmbeddedError(
        `The search attribute ${name} of namespace "${namespace}" has type ${type}; wanted: ${SEARCH_ATTRIBUTES[name]}.\n` +
          'Remove it there (`temporal operator search-attribute remove`), or use another namespace.',
      );
    }
  }
  if (missing.length > 0) {
    await connection.operatorService
      .addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(
          missing.map((name) => [name, INDEXED_VALUE_TYPE[SEARCH_ATTRIBUTES[name]]]),
        ),
      })
      .catch((error: unknown) => {
        // Somebody else was faster.
        if ((error as { code?: number }).code !== ALREADY_EXISTS) throw error;
      });
  }
  await waitUntilKnown(connection, namespace);
}

/** The frontend reads its namespaces anew every few seconds: until then, a rollout that uses the names is refused. */
async function waitUntilKnown(connection: Connection, namespace: string): Promise<void> {
  const query = names()
    .map((name) => `${name} IS NULL`)
    .join(' AND ');
  let last: unknown;
  const known = await until(
    () =>
      connection.workflowService.countWorkflowExecutions({ namespace, query }).then(
        () => true,
        (error: unknown) => {
          last = error;
          return undefined;
        },
      ),
    30_000,
    200,
  );
  if (known === undefined) {
    throw new EmbeddedError(
      `Temporal does not know the search attributes ${names().join(', ')} of namespace "${namespace}" 30 s after they were registered: ${String(last)}`,
    );
  }
}

async function list(connection: Connection, namespace: string): Promise<Readonly<Record<string, number>>> {
  const answer = await connection.operatorService.listSearchAttributes({ namespace });
  return answer.customAttributes;
}

function names(): SearchAttributeName[] {
  return Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[];
}

/** google.rpc.Code.ALREADY_EXISTS */
const ALREADY_EXISTS = 6;
