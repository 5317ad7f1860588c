export type Selector =
  | {
      readonly ok: true;
      /** Name of the metric; null where a query selects by labels alone. */
      readonly metric: string | null;
    }
  | { readonly ok: false; readonly message: string; readonly help?: string };

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*/;
const OPERATOR = /^(?:=~|!~|!=|=)/;
const TEXT = /^(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)/;

/**
 * Reads a query that picks counters as they are: `answers_total{version="$deployment",verdict="bad"}`.
 *
 * Nothing else of PromQL is allowed. Gates need each instance's own counter: a rate is no count, and a sum over
 * instances falls when one of them goes.
 */
export function readSelector(query: string): Selector {
  const text = query.trim();
  const known = knownMistake(text);
  if (known !== undefined) return known;
  const metric = NAME.exec(text)?.[0] ?? null;
  let rest = text.slice(metric?.length ?? 0).trimStart();
  let quoted: string | null = null;
  let labels = 0;
  if (rest.startsWith('{')) {
    rest = rest.slice(1).trimStart();
    while (!rest.startsWith('}')) {
      const taken = takeMatcher(rest);
      if (typeof taken === 'string') return { ok: false, message: taken };
      quoted ??= taken.metric;
      labels += 1;
      rest = taken.rest.trimStart();
      if (rest.startsWith(',')) rest = rest.slice(1).trimStart();
      else if (!rest.startsWith('}')) return { ok: false, message: unexpected(rest, '"," or "}"') };
    }
    rest = rest.slice(1).trimStart();
  }
  if (rest !== '') return { ok: false, message: unexpected(rest, 'the end of the query') };
  if (metric === null && labels === 0)
    return { ok: false, message: 'the query names no metric and no label' };
  return { ok: true, metric: metric ?? quoted };
}

function takeMatcher(text: string): { readonly metric: string | null; readonly rest: string } | string {
  const quotedName = TEXT.exec(text)?.[0];
  const label = quotedName ?? LABEL.exec(text)?.[0];
  if (label === undefined) return unexpected(text, 'a label');
  const after = text.slice(label.length).trimStart();
  // {"a.metric"}: a name that needs quotes stands where labels stand.
  if (quotedName !== undefined && /^[,}]/.test(after))
    return { metric: quotedName.slice(1, -1), rest: after };
  const operator = OPERATOR.exec(after)?.[0];
  if (operator === undefined) return unexpected(after, `=, !=, =~ or !~ after the label ${label}`);
  const valueAt = after.slice(operator.length).trimStart();
  const value = TEXT.exec(valueAt)?.[0];
  if (value === undefined) return unexpected(valueAt, `a text in quotes for the label ${label}`);
  const named = label === '__name__' && operator === '=' ? value.slice(1, -1) : null;
  return { metric: named, rest: valueAt.slice(value.length) };
}

function unexpected(rest: string, wanted: string): string {
  return rest === ''
    ? `the query ends where ${wanted} belongs`
    : `expected ${wanted}, got "${rest.slice(0, 20)}"`;
}

const PLAIN = 'name the counter itself, such as answers_total{version="$deployment",verdict="bad"}';

function knownMistake(text: string): Selector | undefined {
  if (text === '') return { ok: false, message: 'the query is empty', help: PLAIN };
  const call = /^([a-z_]+)\s*(?:\(|by\b|without\b)/.exec(text)?.[1];
  if (call !== undefined) {
    return {
      ok: false,
      message: `"${call}" is not possible here: gates count by themselves, from each instance's own counter; a rate is no count, and a sum falls when an instance goes`,
      help: PLAIN,
    };
  }
  // Of a selector, brackets and "or" can only stand after its end.
  if (/[\]]\s*$/.test(text)) {
    return {
      ok: false,
      message: 'a range such as [5m] is not possible here: gates read the counter since their last look',
      help: PLAIN,
    };
  }
  return undefined;
}

/** Puts values in for `$name`; what stands for no value stays as it is. */
export function fillIn(query: string, values: Readonly<Record<string, string>>): string {
  return query.replace(/\$([a-z]+)/g, (all, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? '').replace(/[\\"'`]/g, '\\$&') : all,
  );
}
