import { request } from 'undici';

/**
 * What the SDK counts, from the endpoint that it opens by itself: with ours in one answer, there is one target to scrape.
 *
 * @param address - the runtime's `bindAddress`.
 * @returns an empty text where it does not answer: our own numbers are worth more than an error.
 */
export async function sdkMetricsText(address: string): Promise<string> {
  try {
    const { statusCode, body } = await request(`http://${address}/metrics`, {
      signal: AbortSignal.timeout(2_000),
    });
    const text = await body.text();
    return statusCode === 200 ? text : '';
  } catch {
    return '';
  }
}
