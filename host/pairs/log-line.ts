/** What the gateway wrote down of a mirrored request, or of one that could have been. */
export type LogLine =
  /** A copy was sent. */
  | { readonly kind: 'start'; readonly id: string; readonly cluster: string }
  /** A copy ended; status 0 = without an answer. */
  | { readonly kind: 'end'; readonly id: string; readonly status: number }
  /** A live request ended; status 0 = its client left before there was an answer. */
  | { readonly kind: 'live'; readonly id: string; readonly status: number; readonly cluster: string };

const KINDS: Readonly<Record<string, LogLine['kind']>> = {
  DownstreamStart: 'start',
  DownstreamEnd: 'end',
  L: 'live',
};

/** @returns undefined for a line that says nothing: half a one, or of a request that no deployment got. */
export function parseLogLine(text: string): LogLine | undefined {
  const [word = '', id = '', code = '', cluster = '', ...more] = text.split(' ');
  const kind = KINDS[word];
  const status = Number(code);
  if (kind === undefined || id.length < 8 || !/^\d{1,3}$/.test(code) || cluster === '' || more.length > 0)
    return undefined;
  if (kind === 'end') return { kind, id, status };
  if (cluster === '-') return undefined;
  return kind === 'start' ? { kind, id, cluster } : { kind, id, status, cluster };
}
