import type { Client } from '@temporalio/client';

type LoadedDataConverter = Client['options']['loadedDataConverter'];
export type Payload = Parameters<LoadedDataConverter['payloadCodecs'][number]['decode']>[0][number];

/** What stands in payloads of a history or a description, which the client hands out as they are stored. */
export async function decodePayloads<T extends readonly unknown[]>(
  client: Client,
  payloads: readonly Payload[] | null | undefined,
): Promise<Partial<T>> {
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  let decoded = [...(payloads ?? [])];
  for (const codec of [...payloadCodecs].reverse()) decoded = await codec.decode(decoded);
  return decoded.map((payload) => payloadConverter.fromPayload(payload)) as unknown as Partial<T>;
}
