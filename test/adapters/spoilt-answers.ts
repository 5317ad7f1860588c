import type { FastifyInstance } from 'fastify';
import fc from 'fast-check';
import { expect } from 'vitest';
import { classify } from '../../activities/classify.js';
import { PortError, type PortErrorKind } from '../../adapters/ports.js';

// Answers of ARM as no service should give them, and what is promised of whoever reads them all the same.

/**
 * More in a run by hand, which prints its numbers:
 * `ARM_FUZZ_RUNS=20000 npx vitest run test/adapters/azureml/fuzz.test.ts test/adapters/azure-monitor/fuzz.test.ts`.
 */
export const RUNS = Number(process.env['ARM_FUZZ_RUNS'] ?? 250);
export const SEED = Number(process.env['ARM_FUZZ_SEED'] ?? 20_261_121);
/** For a run by hand: a machine that is busy with other things needs some milliseconds each. */
export const TIMEOUT_MS = Math.max(60_000, RUNS * 60);
/** Who asks gives up after this: an operation that the service calls unfinished for ever is waited for until then. */
export const PATIENCE_MS = 300;
/** A caller that gave up, or an answer, must not take longer. */
const HANGS_MS = 10_000;
/** Of this process alone: the machine may be busy with others. */
const SLOWEST_CPU_MS = 1_000;
/** What a key may be in answers. No error may say it. */
export const SECRET = 'key-that-nobody-may-see';

/** An answer on its way. */
interface Answer {
  /** What was asked for, with the server's origin. */
  readonly address: string;
  readonly status: number;
  /** Headers that are to be set. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Spoil = (answer: Answer) => Answer;

/** Lets answers of a server be spoilt on their way, while there is something that does. */
export function spoilAnswers(app: FastifyInstance, spoil: () => Spoil | undefined): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const change = spoil();
    if (change === undefined) return payload;
    const { status, headers, body } = change({
      address: `${request.protocol}://${request.host}${request.url}`,
      status: reply.statusCode,
      headers: {},
      body: typeof payload === 'string' ? payload : '',
    });
    void reply.code(status).removeHeader('content-length').headers(headers);
    return body;
  });
}

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null, '', 0, -1, 1.5, 1e308, true, [], {}, [[]], 'Failed', 'Canceled', 'Succeeded', 'Deleting', 'InProgress',
    'blue', '100', { blue: 100 }, { blue: 300 }, { blue: -5 }, { BLUE: 60, blue: 40 }, { error: null },
    'https://elsewhere.example/steal', 'no address', 'file:///etc/passwd', 'http://', 'key\r\nX-Other: 1',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }),
  fc.jsonValue({ maxDepth: 2 }),
); // prettier-ignore

/** One part of a JSON body changed, wherever it is, of those that fit. */
const partOf = (fits: (part: unknown) => boolean, change: (holder: Holder, key: string) => void) =>
  fc.nat({ max: 99_999 }).map((nth): Spoil => (answer) => {
    const root: Holder = { body: parsed(answer.body) };
    const places = placesIn(root).filter(([holder, key]) => fits(holder[key]));
    const place = places[nth % places.length];
    if (place === undefined) return answer;
    change(...place);
    return { ...answer, body: JSON.stringify(root['body']) ?? '' };
  });

const inJson = fc.tuple(junk, fc.constantFrom('replace', 'remove', 'add')).chain(([found, how]) =>
  partOf(
    () => true,
    (holder, key) => {
      if (how === 'remove') Reflect.deleteProperty(holder, key);
      else holder[how === 'add' ? 'added' : key] = found;
    },
  ),
);

const ofNumbers = fc.constantFrom(-1e6, -1, 0, 0.5, 101, 1e9 + 1, 1e18, 1e308).chain((found) =>
  partOf(
    (part) => typeof part === 'number',
    (holder, key) => {
      holder[key] = found;
    },
  ),
);

/** A secret that no header can hold. */
const ofSecrets = fc.constantFrom('\r\nX-Other: 1', '\0', 'é', '→').chain((end) =>
  partOf(
    (part) => part === SECRET,
    (holder, key) => {
      holder[key] = SECRET + end;
    },
  ),
);

/** A page whose next one is itself. */
const ofPages = fc.constant<Spoil>((answer) => {
  const page = parsed(answer.body);
  if (typeof page !== 'object' || page === null) return answer;
  return { ...answer, body: JSON.stringify({ ...page, nextLink: answer.address }) };
});

const inText = fc
  .record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat({ max: 60 }),
    put: fc.oneof(
      fc.constantFrom('', '<html>', '{', ']', '"', '\0', ',', '1e999', '\\u0000'),
      fc.string({ maxLength: 5 }),
    ),
  })
  .map(({ at, cut, put }): Spoil => (answer) => {
    const from = Math.floor(at * answer.body.length);
    return { ...answer, body: answer.body.slice(0, from) + put + answer.body.slice(from + cut) };
  });

const STATUSES = [
  200, 201, 202, 204, 206, 302, 400, 401, 403, 404, 408, 409, 412, 429, 500, 501, 502, 503, 504, 599,
]; // prettier-ignore
const ofStatus = fc.constantFrom(...STATUSES).map((status): Spoil => (answer) => ({ ...answer, status }));

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  'retry-after': [
    '',
    '0',
    '-5',
    '5',
    '1e300',
    '99999999999',
    'NaN',
    'soon',
    'Sat, 31 Dec 2999 23:59:59 GMT',
    '0.01',
  ],
  'azure-asyncoperation': [
    '',
    'nowhere',
    'https://elsewhere.example/operations/1',
    '/operations/op-1',
    'http://[',
  ],
  'content-type': ['text/html', 'application/json; charset=nonsense', ''],
  'content-encoding': ['gzip', 'br', 'nonsense'],
  location: ['https://elsewhere.example/', ''],
};
const ofHeaders = fc
  .constantFrom(
    ...Object.entries(HEADERS).flatMap(([name, values]) => values.map((value) => [name, value] as const)),
  )
  .map(([name, value]): Spoil => (answer) => ({ ...answer, headers: { ...answer.headers, [name]: value } }));

/** One or two things wrong with an answer. */
export const spoiling = fc
  .array(
    fc.oneof({ weight: 5, arbitrary: inJson }, ofNumbers, ofSecrets, inText, ofStatus, ofHeaders, ofPages),
    {
      minLength: 1,
      maxLength: 2,
    },
  )
  .map(
    (edits): Spoil =>
      (answer) =>
        edits.reduce((now, change) => change(now), answer),
  );

type Holder = Record<string, unknown>;

/** Every part of a JSON value, as who holds it and by which key. */
function placesIn(holder: object): (readonly [Holder, string])[] {
  return Object.entries(holder).flatMap(([key, child]: [string, unknown]) => [
    [holder as Holder, key] as const,
    ...(typeof child === 'object' && child !== null ? placesIn(child) : []),
  ]);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export type End<T> = { readonly value: T } | { readonly error: unknown };

/** How calls of a fuzz ended, and how long the slowest took. */
export class Ends {
  readonly #of: Record<'yes' | PortErrorKind | 'given up', number> = {
    yes: 0,
    permanent: 0,
    throttled: 0,
    transient: 0,
    'given up': 0,
  };
  readonly #secrets: readonly string[];
  #slowestMs = 0;
  #slowestCpuMs = 0;

  /** @param secrets - what no error may say. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** Holds of a call what is promised of every answer: an end in time, and with it a value or a port error. */
  async of<T>(call: () => Promise<T>, gaveUp?: AbortSignal): Promise<End<T>> {
    const startedMs = performance.now();
    const before = process.cpuUsage();
    const end = await within(
      HANGS_MS,
      call().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      ),
    );
    const cpuMs = process.cpuUsage(before).user / 1_000;
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs);
    this.#slowestCpuMs = Math.max(this.#slowestCpuMs, cpuMs);
    expect(cpuMs).toBeLessThan(SLOWEST_CPU_MS);
    this.#of['error' in end ? this.#kindOf(end.error, gaveUp?.aborted === true) : 'yes'] += 1;
    return end;
  }

  /** One line, in a run by hand. */
  print(what: string): void {
    if (process.env['ARM_FUZZ_RUNS'] === undefined) return;
    const slowest = `${this.#slowestMs.toFixed(0)} ms, ${this.#slowestCpuMs.toFixed(0)} ms of a processor's time`;
    process.stdout.write(`${what}, seed ${SEED}: ${JSON.stringify(this.#of)}, slowest ${slowest}\n`);
  }

  #kindOf(error: unknown, gaveUp: boolean): PortErrorKind | 'given up' {
    if (gaveUp && error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name)) return 'given up';
    expect(error).toBeInstanceOf(PortError);
    const { kind, code, retryAfterMs } = error as PortError;
    expect(code).not.toBe('');
    for (const secret of this.#secrets) expect(toldOf(classify(error))).not.toContain(secret);
    if (retryAfterMs !== undefined) {
      expect(retryAfterMs).toBeGreaterThanOrEqual(0);
      expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
    }
    return kind;
  }
}

/** All that a history keeps of a failure: its words and its stack, and those of its causes. */
function toldOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, stack = '', cause } = error;
  return [message, stack, cause === undefined ? '' : toldOf(cause)].join('\n');
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it hangs: no end within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
