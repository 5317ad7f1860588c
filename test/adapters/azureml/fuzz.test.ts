import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createAzureMlEndpoints, type AzureMlEndpoints } from '../../../adapters/azureml/endpoints.js';
import { PortError } from '../../../adapters/ports.js';
import { normalTraffic } from '../../../core/traffic.js';
import { FakeArm, settingsFor, TOKEN, type Answer } from './fake-arm.js';
import { sampleDeployment } from './samples.js';

/** More in a run by hand, which prints its numbers: `ARM_FUZZ_RUNS=20000 npx vitest run test/adapters/azureml/fuzz.test.ts`. */
const RUNS = Number(process.env['ARM_FUZZ_RUNS'] ?? 250);
const SEED = Number(process.env['ARM_FUZZ_SEED'] ?? 20_261_121);
/** Who asks gives up after this: an operation that the service calls unfinished for ever is waited for until then. */
const PATIENCE_MS = 300;
/** A caller that gave up, or an answer, must not take longer. */
const HANGS_MS = 10_000;
const SECRET = 'key-that-nobody-may-see';

const Count = z.number().int().min(0);
const States = z.enum(['creating', 'updating', 'ready', 'failed', 'deleting']);
const Texts = z.record(z.string(), z.string());
const Shares = z.record(z.string(), z.number().int().min(1).max(100));
const TrafficShape = z.strictObject({ live: Shares, mirror: Shares });
const DeploymentShape = z.strictObject({
  name: z.string(),
  state: States,
  instances: z.strictObject({ wanted: Count, ready: Count.nullable() }),
  restarts: Count.nullable(),
  tags: Texts,
  error: z.string().optional(),
});
const EndpointShape = z.strictObject({
  name: z.string(),
  kind: z.enum(['managed', 'kubernetes']),
  state: States,
  traffic: TrafficShape,
  deployments: z.array(DeploymentShape),
  scoringUri: z.string(),
});

/** What is asked, and the shape that a yes has. */
const CALLS: Readonly<
  Record<string, { call(on: AzureMlEndpoints, signal: AbortSignal): Promise<unknown>; shape: z.ZodType }>
> = {
  read: { call: (on, signal) => on.read('diabetes', { signal }), shape: EndpointShape },
  readDeployment: {
    call: (on, signal) => on.readDeployment('diabetes', 'blue', { signal }),
    shape: DeploymentShape.optional(),
  },
  writeTraffic: {
    call: (on, signal) => on.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} }, { signal }),
    shape: z.undefined(),
  },
  createDeployment: {
    call: (on, signal) =>
      on.createDeployment('diabetes', sampleDeployment('new'), { by: 'test' }, { signal }),
    shape: z.undefined(),
  },
  deleteDeployment: {
    call: (on, signal) => on.deleteDeployment('diabetes', 'old', { signal }),
    shape: z.undefined(),
  },
  scale: { call: (on, signal) => on.scale('diabetes', 'blue', 2, { signal }), shape: z.undefined() },
  isAutoscaled: { call: (on, signal) => on.isAutoscaled('diabetes', 'blue', { signal }), shape: z.boolean() },
  invoke: {
    call: (on, signal) => on.invoke('diabetes', 'blue', '{}', { signal }),
    shape: z.strictObject({ status: Count, body: z.string(), durationMs: z.number().min(0) }),
  },
  logs: { call: (on, signal) => on.logs('diabetes', 'blue', 3, { signal }), shape: z.string() },
  keys: {
    call: (on, signal) => on.keys('diabetes', { signal }),
    shape: z.strictObject({ primary: z.string(), secondary: z.string() }),
  },
  listEndpoints: {
    call: (on, signal) => on.listEndpoints({ signal }),
    shape: z.array(EndpointShape.omit({ deployments: true })),
  },
  createEndpoint: {
    call: (on, signal) => on.createEndpoint({ name: 'diabetes' }, { signal }),
    shape: z.undefined(),
  },
};

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null, '', 0, -1, 1.5, 1e308, true, [], {}, [[]], 'Failed', 'Canceled', 'Succeeded', 'Deleting', 'InProgress',
    'blue', '100', { blue: 100 }, { blue: 300 }, { blue: -5 }, { BLUE: 60, blue: 40 }, { error: null },
    'https://elsewhere.example/steal', 'no address', 'file:///etc/passwd', 'http://', `${SECRET}\r\nX-Other: 1`,
  ),
  fc.string({ maxLength: 12, unit: 'binary' }),
  fc.jsonValue({ maxDepth: 2 }),
); // prettier-ignore

type Edit = (answer: Answer, url: string) => Answer;

/** One part of a JSON body replaced, removed or added. */
const inJson = fc
  .tuple(
    fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 5 }),
    junk,
    fc.constantFrom('replace', 'remove', 'add', 'self'),
  )
  .map(([way, found, how]): Edit => (answer, url) => {
    const root: { body: unknown } = { body: parsed(answer.body) };
    let holder: Record<string, unknown> = root;
    let key = 'body';
    for (const turn of way) {
      const child = holder[key];
      if (typeof child !== 'object' || child === null || Object.keys(child).length === 0) break;
      holder = child as Record<string, unknown>;
      const keys = Object.keys(holder);
      key = keys[turn % keys.length] ?? '';
    }
    if (how === 'remove') Reflect.deleteProperty(holder, key);
    else if (how === 'self') holder['nextLink'] = url + answer.path;
    else holder[how === 'add' ? 'added' : key] = found;
    return { ...answer, body: JSON.stringify(root.body) ?? '' };
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
  .map(({ at, cut, put }): Edit => (answer) => {
    const from = Math.floor(at * answer.body.length);
    return { ...answer, body: answer.body.slice(0, from) + put + answer.body.slice(from + cut) };
  });

const ofStatus = fc
  .constantFrom(
    200,
    201,
    202,
    204,
    206,
    302,
    400,
    401,
    403,
    404,
    408,
    409,
    412,
    429,
    500,
    501,
    502,
    503,
    504,
    599,
  )
  .map((status): Edit => (answer) => ({ ...answer, status }));

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  'retry-after': [
    '',
    '0',
    '-5',
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
  .map(([name, value]): Edit => (answer) => ({ ...answer, headers: { ...answer.headers, [name]: value } }));

const edit = fc.oneof({ weight: 5, arbitrary: inJson }, inText, ofStatus, ofHeaders);
/** Which answers of a call are spoilt, and how. */
const spoiling = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.array(edit, { minLength: 1, maxLength: 2 })), {
  minLength: 1,
  maxLength: 3,
});

let arm: FakeArm;
beforeAll(async () => {
  arm = await FakeArm.start();
  arm.key = SECRET;
});
afterAll(() => arm.stop());

const ends = { yes: 0, permanent: 0, throttled: 0, transient: 0, 'given up': 0 };
let slowestMs = 0;

describe('whatever the service answers', () => {
  it.each(Object.entries(CALLS))(
    '%s gives what it promises, or a port error, and in time',
    async (name, { call, shape }) => {
      await fc.assert(
        fc.asyncProperty(spoiling, fc.boolean(), async (spoilt, busy) => {
          seed(busy);
          let count = 0;
          let shown: string | undefined;
          arm.spoil = (answer) => {
            const edits = spoilt.find(([nth]) => nth === count)?.[1] ?? [];
            count += 1;
            const given = edits.reduce((now, change) => change(now, arm.url), answer);
            if (/^\/onlineEndpoints\/diabetes\?/.test(given.path)) shown = given.body;
            return given;
          };
          const on = createAzureMlEndpoints({ ...settingsFor(arm), deadlineMs: 2_000 });
          const startedMs = performance.now();
          const gaveUp = AbortSignal.timeout(PATIENCE_MS);
          const end = await within(
            HANGS_MS,
            call(on, gaveUp).then(
              (value) => ({ value }),
              (error: unknown) => ({ error }),
            ),
          );
          slowestMs = Math.max(slowestMs, performance.now() - startedMs);

          if ('value' in end) {
            ends.yes += 1;
            expect(shape.safeParse(end.value).error?.issues ?? []).toEqual([]);
            if (name === 'read') expect(trafficOf(end.value)).toEqual(trafficIn(shown));
          } else judge(end.error, gaveUp.aborted);
        }),
        { numRuns: Math.ceil(RUNS / 12), seed: SEED },
      );
    },
    Math.max(60_000, RUNS * 60),
  );

  afterAll(() => {
    if (process.env['ARM_FUZZ_RUNS'] === undefined) return;
    process.stdout.write(
      `ARM answers, seed ${SEED}: ${JSON.stringify(ends)}, slowest ${slowestMs.toFixed(0)} ms\n`,
    );
  });
});

function judge(error: unknown, gaveUp: boolean): void {
  if (gaveUp && error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name)) {
    ends['given up'] += 1;
    return;
  }
  expect(error).toBeInstanceOf(PortError);
  const { kind, code, message, retryAfterMs } = error as PortError;
  ends[kind] += 1;
  expect(code).not.toBe('');
  expect(message).not.toContain(SECRET);
  expect(message).not.toContain(TOKEN);
  if (retryAfterMs !== undefined) {
    expect(retryAfterMs).toBeGreaterThanOrEqual(0);
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
  }
}

function seed(busy: boolean): void {
  arm.questionsPerOperation = busy ? 2 : 1;
  arm.endpoints.clear();
  arm.deployments.clear();
  arm.seen.length = 0;
  arm.seedEndpoint('diabetes', { blue: 90, green: 10 }, {});
  for (const name of ['blue', 'green', 'old']) arm.seedDeployment('diabetes', name);
}

function trafficOf(value: unknown): unknown {
  return EndpointShape.parse(value).traffic;
}

/** By a way of its own: what the endpoint's last answer says of its traffic. */
function trafficIn(body: string | undefined): unknown {
  const { properties } = JSON.parse(body ?? '') as {
    properties: Record<string, Record<string, number> | null>;
  };
  const shares = (field: string): Record<string, number> =>
    Object.fromEntries(
      Object.entries(properties[field] ?? {}).map(([name, share]) => [name.toLowerCase(), share]),
    );
  return normalTraffic({ live: shares('traffic'), mirror: shares('mirrorTraffic') });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
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
