import { connect } from 'node:net';
import type { V1Container, V1Probe } from '@kubernetes/client-node';
import { request } from 'undici';
import { run } from '../../run.js';

/** Where a probe finds its container. */
export interface Probed {
  readonly container: V1Container;
  readonly address: string;
  /** See PodNetwork. */
  readonly enter: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Asks once.
 *
 * @returns undefined when it is well; else what came, as the kubelet says it.
 */
export async function ask(probe: V1Probe, where: Probed): Promise<string | undefined> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.httpGet) return await askHttp(probe.httpGet, where, timeoutMs);
    if (probe.tcpSocket)
      return await askTcp(portNumber(probe.tcpSocket.port, where), where.address, timeoutMs);
    if (probe.exec) return await askCommand(probe.exec.command ?? [], where, timeoutMs);
    return 'this node asks by httpGet, tcpSocket and exec only';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function askHttp(
  { host, port, path, scheme, httpHeaders }: NonNullable<V1Probe['httpGet']>,
  where: Probed,
  timeoutMs: number,
): Promise<string | undefined> {
  const base = `${(scheme ?? 'HTTP').toLowerCase()}://${host ?? where.address}:${portNumber(port, where)}`;
  const answer = await request(new URL(path ?? '/', base), {
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    signal: AbortSignal.timeout(timeoutMs),
    // A connection that is kept would outlive the process behind it.
    reset: true,
    headers: Object.fromEntries((httpHeaders ?? []).map(({ name, value }) => [name, value])),
  });
  await answer.body.dump();
  const well = answer.statusCode >= 200 && answer.statusCode < 400;
  return well ? undefined : `HTTP probe failed with statuscode: ${answer.statusCode}`;
}

function askTcp(port: number, address: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: address, timeout: timeoutMs });
    const end = (why?: string) => {
      socket.destroy();
      resolve(why);
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end('i/o timeout'));
    socket.once('error', (error) => end(error.message));
  });
}

async function askCommand(
  command: readonly string[],
  { enter, env }: Probed,
  timeoutMs: number,
): Promise<string | undefined> {
  const [program = '', ...args] = [...enter, ...command];
  const result = await run(program, args, { timeoutMs, env });
  return result.code === 0
    ? undefined
    : (result.problem ?? `command exited with ${result.code}: ${result.output}`);
}

/** @throws {Error} when the container has no port of that name. */
function portNumber(port: number | string, { container }: Probed): number {
  if (typeof port === 'number' || /^\d+$/.test(port)) return Number(port);
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  if (named === undefined) throw new Error(`couldn't find a named port: ${port}`);
  return named;
}
