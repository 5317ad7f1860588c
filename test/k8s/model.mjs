// A model server for tests of the Kubernetes target: plain JavaScript, since pods run it as it is.
//
// Environment: NAME (what it says it is), PORT (5001), DELAY_MS (0), BREAK_FILE (fails while it is there), BAD (fails
// always), NEVER_READY. A request may ask for its own delay, by the header x-delay-ms. Counts what it answered: GET /count.
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { NAME = 'model', PORT = '5001', DELAY_MS = '0', BREAK_FILE, BAD, NEVER_READY } = process.env;
/** An endpoint is taken out of the routes a moment after its pod was told to end: it serves on for that long. */
const LINGER_MS = 2_000;
let served = 0;

const server = createServer((request, response) => {
  const end = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json', 'azureml-model-deployment': NAME });
    response.end(JSON.stringify(body));
  };
  if (request.url === '/count') return end(200, { served });
  if (request.url !== '/score') return end(NEVER_READY ? 503 : 200, { name: NAME });
  request.resume();
  request.on('end', () => {
    served += 1;
    const broken = BAD || (BREAK_FILE && existsSync(BREAK_FILE));
    const answer = () =>
      broken ? end(500, { error: 'broken on purpose' }) : end(200, { version: NAME, predictions: [1] });
    const delayMs = Number(request.headers['x-delay-ms'] ?? DELAY_MS);
    if (delayMs === 0) answer();
    else void sleep(delayMs).then(answer);
  });
});
// Longer than any client keeps a connection: no request meets one that is just closed.
server.keepAliveTimeout = 120_000;
server.listen(Number(PORT), () => console.log(`${NAME} listens on ${PORT}`));
process.on('SIGTERM', () => {
  console.log(`${NAME} is told to end`);
  void sleep(LINGER_MS).then(() => process.exit(0));
});
