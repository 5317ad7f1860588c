import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { freePort, until } from '../../embedded/processes.js';
import { registerSearchAttributes } from '../../embedded/search-attributes.js';
import { startTemporal, stopTemporal } from '../../embedded/temporal-server.js';
import { runningDaemon } from '../../embedded/daemons.js';

/** A Temporal server of a bench alone, and a client of it. */
export interface BenchServer {
  readonly address: string;
  readonly pid: number;
  readonly client: Client;
  stop(): Promise<void>;
}

/** The database in a file, as `greenlight up` has it; or in memory. */
export async function benchServer(executable: string, database: 'file' | 'memory'): Promise<BenchServer> {
  return database === 'file' ? fileServer(executable) : memoryServer(executable);
}

async function fileServer(executable: string): Promise<BenchServer> {
  const state = await mkdtemp(join(tmpdir(), 'greenlight-bench-'));
  const { address } = await startTemporal(state, executable);
  const pid = (await runningDaemon(state, 'temporal'))?.pid ?? 0;
  return serverAt(address, pid, async () => {
    await stopTemporal(state);
    await rm(state, { recursive: true, force: true });
  });
}

async function memoryServer(executable: string): Promise<BenchServer> {
  const port = await freePort();
  const args = [
    'server',
    'start-dev',
    '--ip',
    '127.0.0.1',
    '--headless',
    '--log-level',
    'error',
    '--port',
    String(port),
  ];
  const child: ChildProcess = spawn(executable, args, { stdio: 'ignore' });
  const gone = once(child, 'exit');
  await until(() => answers(`127.0.0.1:${port}`), 30_000);
  return serverAt(`127.0.0.1:${port}`, child.pid ?? 0, async () => {
    child.kill('SIGTERM');
    await gone;
  });
}

async function answers(address: string): Promise<true | undefined> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 }).catch(() => undefined);
  try {
    await connection?.workflowService.describeNamespace({ namespace: 'default' });
    return connection && true;
  } catch {
    return undefined;
  } finally {
    await connection?.close();
  }
}

async function serverAt(address: string, pid: number, end: () => Promise<void>): Promise<BenchServer> {
  const connection = await Connection.connect({ address });
  await registerSearchAttributes(connection, 'default');
  return {
    address,
    pid,
    client: new Client({ connection }),
    async stop() {
      await connection.close();
      await end();
    },
  };
}
