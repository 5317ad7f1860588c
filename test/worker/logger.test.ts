import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const LOGGER = fileURLToPath(new URL('../../dist/worker/logger.js', import.meta.url));

/** Logs before and after a wait, so that a write has failed in between, and right before its end. */
const PROGRAM = `
  import { createLogger } from ${JSON.stringify(LOGGER)};
  const logger = createLogger({});
  logger.info('one');
  logger.warn('two');
  await new Promise((resolve) => setTimeout(resolve, 100));
  logger.error('three');
  logger.fatal('four');
`;

it('a full disk under the log neither ends a worker nor keeps it from ending', async () => {
  const full = await open('/dev/full', 'w');

  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    stdio: ['ignore', full.fd, 'inherit'],
    timeout: 10_000,
  });

  expect(await once(child, 'exit')).toEqual([0, null]);
  await full.close();
});
