import { Agent, request } from 'undici';

/** Certificates of the bed's own servers are made at their start; nobody else can listen in its namespace. */
const agent = new Agent({ connect: { rejectUnauthorized: false, timeout: 2_000 } });

/** @returns the body of a 200; undefined for any other answer, and for none. */
export async function get(url: string, token?: string): Promise<string | undefined> {
  try {
    const answer = await request(url, {
      dispatcher: agent,
      headersTimeout: 2_000,
      bodyTimeout: 2_000,
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    });
    const text = await answer.body.text();
    return answer.statusCode === 200 ? text : undefined;
  } catch {
    return undefined;
  }
}
