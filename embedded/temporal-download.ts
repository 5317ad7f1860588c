// Run as a program: `node temporal-download.js FOLDER VERSION` leaves `FOLDER/temporal-VERSION`.
//
// The SDK downloads as a part of starting a server, and offers no call for the download alone: so one is started and
// ended again. Prints why, when it did not work.
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { messageOf } from './errors.js';

const [folder, version] = process.argv.slice(2);
if (folder === undefined || version === undefined)
  throw new Error('usage: temporal-download.js FOLDER VERSION');

try {
  const server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir: folder, version } },
  });
  await server.teardown();
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
