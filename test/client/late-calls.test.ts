import { expect, inject, it } from 'vitest';
import { connect, namedTemporal } from '../../client/temporal.js';
import { Link } from '../support/link.js';

it('lets a question fail that is open when its connection is closed, and throws nowhere else', async () => {
  const link = await Link.open(inject('temporalAddress'));
  const around = { env: {}, stateDir: '' };
  const { client } = await connect(await namedTemporal(around, { address: link.address }));
  link.cut();
  const asked = client.workflow.getHandle('nobody').describe();
  const failed = expect(asked).rejects.toMatchObject({ cause: { code: 1 } });

  // It fails of the cut at once, and would be made again a moment later.
  await client.connection.close();

  await failed;
});
