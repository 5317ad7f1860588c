import { lstat, readdir, readFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { Agent, request } from 'undici';
import type { HostNote } from '../../embedded/host.js';
import type { Stack } from '../../embedded/stack.js';

/** What the endpoint host and its Envoy tell of themselves, by name. */
export async function hostPages(note: HostNote): Promise<ReadonlyMap<string, string>> {
  const { url, caFile, tokenFile, envoyAdminUrl } = note;
  const pages = new Map<string, string>();
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile, 'utf8') } });
  const authorization = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
  const { body } = await request(`${url}/metrics`, { dispatcher, headers: { authorization } });
  pages.set('metrics of the host', await body.text());
  await dispatcher.close();
  for (const page of ['stats', 'clusters', 'config_dump']) {
    pages.set(`${page} of Envoy`, await (await fetch(`${envoyAdminUrl}/${page}`)).text());
  }
  return pages;
}

/** Of all processes of this machine, which every user can read. */
export async function commandLines(): Promise<string> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // One that has ended since has none.
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).join('\n');
}

/** What a history under codec keys says to whoever asks the codec server. */
export async function decodedHistory(
  { temporal: { address, namespace }, codec }: Stack,
  workflowId: string,
): Promise<string> {
  const connection = await Connection.connect({ address });
  try {
    const history = await new Client({ connection, namespace }).workflow.getHandle(workflowId).fetchHistory();
    const answer = await fetch(`${codec?.url}/decode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ payloads: payloadsIn(history) }),
    });
    if (!answer.ok) throw new Error(`the codec server answered ${answer.status}`);
    return await answer.text();
  } finally {
    await connection.close();
  }
}

/** Every payload of a history, as a codec server takes them. */
function payloadsIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const { metadata, data } = value as { metadata?: Record<string, Uint8Array>; data?: Uint8Array };
  if (metadata?.['encoding'] === undefined) return Object.values(value).flatMap(payloadsIn);
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const entries = Object.entries(metadata).map(([key, bytes]) => [key, base64(bytes)] as const);
  return [{ metadata: Object.fromEntries(entries), data: base64(data ?? new Uint8Array()) }];
}

/** What has gone since is no file. */
export async function facts(path: string): Promise<{ readonly mode: number; readonly isFile: boolean }> {
  const entry = await lstat(path).catch(() => undefined);
  return { mode: (entry?.mode ?? 0) & 0o777, isFile: entry?.isFile() ?? false };
}
