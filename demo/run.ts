import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { openEncryption } from '../codec/data-converter.js';
import { temporalSettings } from '../embedded/connection.js';
import { Clients } from './clients.js';
import { rollOut } from './rollout.js';
import { DEPLOYMENT, setUp, showEndpoint } from './set-up.js';
import { summarize, type Summary } from './summary.js';
import type { Teller } from './teller.js';

/** Clients go on for so long after the last rollout, to see that all is well. */
const AFTERWARDS_MS = 2_000;

/**
 * The demo: set-up, a good rollout, a bad one, under load all the while.
 *
 * Leaves everything but its clients running: who calls it takes it down.
 *
 * @param state - folder of the stack; empty.
 * @param seconds - since the demo began.
 * @throws {EmbeddedError | DemoProblem} when it cannot go on.
 */
export async function runDemo(
  state: string,
  tell: Teller,
  signal: AbortSignal,
  seconds: () => number,
): Promise<Summary> {
  const { stack, data, scoringUri, key } = await setUp(state, tell, signal);
  const { connectionOptions, namespace } = await temporalSettings(state);
  const connection = await Connection.connect(connectionOptions);
  const { dataConverter } = await openEncryption(process.env);
  const client = new Client({ connection, namespace, dataConverter });
  const clients = new Clients({ scoringUri, key, rows: data.rows }, tell);
  const demo = { state, client, tell, signal };
  try {
    tell.chapter(`A good version: ${DEPLOYMENT.v2} (v2) replaces ${DEPLOYMENT.v1} (v1)`);
    const good = await rollOut('rollout-specs/diabetes-v2.yml', DEPLOYMENT.v1, demo);
    tell.chapter(
      `A bad version: ${DEPLOYMENT.v3} (v3), slow on a fifth of the requests, and failing on some`,
    );
    const bad = await rollOut('rollout-specs/diabetes-v3.yml', DEPLOYMENT.v2, demo);
    await sleep(AFTERWARDS_MS, undefined, { signal });
    await clients.stop();
    const { traffic, deployments } = await showEndpoint({
      state,
      signal,
      onLine: (line) => tell.event(line),
    });
    return summarize(
      {
        good,
        bad,
        answers: clients.answers,
        atTheEnd: { traffic, deployments: deployments.map(({ name }) => name) },
      },
      { before: DEPLOYMENT.v2, bad: DEPLOYMENT.v3 },
      { seconds: seconds(), models: data.report, state, temporalUi: stack.temporal.uiUrl },
    );
  } finally {
    await clients.stop();
    await connection.close();
  }
}
