import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createAzureMlEndpoints, type AzureMlEndpoints } from '../../../adapters/azureml/endpoints.js';
import { normalTraffic } from '../../../core/traffic.js';
import { Ends, PATIENCE_MS, RUNS, SECRET, SEED, spoiling, TIMEOUT_MS } from '../spoilt-answers.js';
import { FakeArm, settingsFor, TOKEN } from './fake-arm.js';
import { sampleDeployment } from './samples.js';

const Count = z.number().int().min(0);
const States = z.enum(['creating', 'updating', 'ready', 'failed', 'deleting']);
const Texts = z.record(z.string(), z.string());
const Shares = z.record(z.string(), z.number().int().min(1).max(100));
const TrafficShape = z.strictObject({ live: Shares, mirror: Shares });
const DeploymentShape = z.strictObject({
  name: z.string(),
  id: z.string().min(1).optional(),
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
  pending: z.string().min(1).optional(),
  deployments: z.array(DeploymentShape),
  scoringUri: z.string(),
});

const InabilityShape = z.strictObject({ because: z.string().min(1), instead: z.string().min(1) });
const CapabilitiesShape = z.strictObject({
  mirror: z.union([
    z.strictObject({ shares: z.literal('any'), most: z.literal(50) }),
    InabilityShape.extend({ shares: z.literal('none') }),
  ]),
  liveWithMirror: z.literal(false),
  pin: z.literal(true),
});

/** What is asked, and the shape that a yes has. */
interface Asked {
  /** What the service has then, if not what it has as a rule. */
  readonly given?: () => void;
  call(on: AzureMlEndpoints, signal: AbortSignal): Promise<unknown>;
  readonly shape: z.ZodType;
}

/** Every method of the port: one that is new does not compile before it is here. */
const CALLS: Readonly<Record<keyof AzureMlEndpoints, Asked>> = {
  read: { call: (on, signal) => on.read('diabetes', { signal }), shape: EndpointShape },
  readDeployment: {
    call: (on, signal) => on.readDeployment('diabetes', 'blue', { signal }),
    shape: DeploymentShape.optional(),
  },
  capabilities: {
    call: (on, signal) => on.capabilities('diabetes', { signal }),
    shape: CapabilitiesShape,
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
    shape: z.array(EndpointShape.omit({ deployments: true, pending: true })),
  },
  createEndpoint: {
    call: (on, signal) => on.createEndpoint({ name: 'diabetes' }, { signal }),
    shape: z.undefined(),
  },
  deleteEndpoint: { call: (on, signal) => on.deleteEndpoint('diabetes', { signal }), shape: z.undefined() },
};

/** What asks the service other questions than the same method above. */
const OTHERWISE: Readonly<Record<string, Asked>> = {
  'createEndpoint, of one that is not there': {
    call: (on, signal) => on.createEndpoint({ name: 'new' }, { signal }),
    shape: z.undefined(),
  },
  'readDeployment, of one that failed': {
    ...CALLS.readDeployment,
    given: () =>
      arm.seedDeployment('diabetes', 'blue', 'Failed', {
        properties: {
          provisioningState: 'Failed',
          properties: { AzureAsyncOperationUri: `${arm.url}/operations/op-of-old?api-version=x` },
        },
      }),
  },
  'invoke, with a token of the endpoint': {
    ...CALLS.invoke,
    given: () => Object.assign(arm.endpoints.get('diabetes')?.properties ?? {}, { authMode: 'AMLToken' }),
  },
};
const ALL = Object.entries<Asked>({ ...CALLS, ...OTHERWISE });

/** Which answers of a call are spoilt, and how. */
const spoilings = fc.array(fc.tuple(fc.nat({ max: 4 }), spoiling), { minLength: 1, maxLength: 3 });

let arm: FakeArm;
beforeAll(async () => {
  arm = await FakeArm.start();
  arm.key = SECRET;
});
afterAll(() => arm.stop());

const ends = new Ends([SECRET, TOKEN]);

describe('whatever the service answers', () => {
  it.each(ALL)(
    '%s gives what it promises, or a port error, and in time',
    async (name, { call, shape, given }) => {
      seed(false);
      given?.();
      arm.spoil = undefined;
      // Or no spoilt answer that is believed would prove anything of it.
      const unspoilt = await call(createAzureMlEndpoints(settingsFor(arm)), AbortSignal.timeout(TIMEOUT_MS));
      expect(shape.safeParse(unspoilt).error?.issues ?? []).toEqual([]);

      await fc.assert(
        fc.asyncProperty(spoilings, fc.boolean(), async (spoilt, busy) => {
          seed(busy);
          given?.();
          let count = 0;
          let shown: string | undefined;
          arm.spoil = (answer) => {
            const change = spoilt.find(([nth]) => nth === count)?.[1];
            count += 1;
            const given = change?.(answer) ?? answer;
            if (/\/onlineEndpoints\/diabetes\?/.test(given.address)) shown = given.body;
            return given;
          };
          const on = createAzureMlEndpoints(settingsFor(arm));
          const gaveUp = AbortSignal.timeout(PATIENCE_MS);
          const end = await ends.of(() => call(on, gaveUp), gaveUp);

          if ('error' in end) return;
          expect(shape.safeParse(end.value).error?.issues ?? []).toEqual([]);
          if (name === 'read') expect(trafficOf(end.value)).toEqual(trafficIn(shown));
        }),
        { numRuns: Math.ceil(RUNS / ALL.length), seed: SEED },
      );
    },
    TIMEOUT_MS,
  );

  afterAll(() => ends.print('ARM answers'));
});

function seed(busy: boolean): void {
  arm.questionsPerOperation = busy ? 2 : 1;
  arm.clear();
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
