import { Connection } from '@temporalio/client';
import { inject } from 'vitest';
import { registerSearchAttributes } from '../../embedded/search-attributes.js';

/** A namespace of this test file, with the search attributes of rollouts, and no worker. */
export async function makeNamespace(name: string): Promise<void> {
  await makeBareNamespace(name);
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  await registerSearchAttributes(connection, name);
  await connection.close();
}

/** The same, without search attributes; the server knows it some seconds later. */
export async function makeBareNamespace(name: string): Promise<void> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  await connection.workflowService.registerNamespace({
    namespace: name,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  await connection.close();
}
