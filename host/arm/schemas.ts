import { z } from 'zod';
import { parseDuration } from '../serving/duration.js';
import { badArgument } from './errors.js';

/** ARM sends null for what is not set. */
function orUnset<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => (value === null ? undefined : value)) as z.ZodType<
    z.output<T> | undefined
  >;
}

const tags = orUnset(z.record(z.string(), z.string()));
const shares = orUnset(z.record(z.string(), z.number()));
const loose = z.record(z.string(), z.unknown());

const duration = (shortestMs: number, longestMs: number) =>
  z.string().refine(
    (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= shortestMs && ms <= longestMs;
    },
    {
      error: `expected an ISO 8601 duration such as PT5S, from ${shortestMs / 1000} s to ${longestMs / 1000} s`,
    },
  );

const DAY_MS = 86_400_000;

const envelope = {
  location: z.string().min(1),
  tags,
  kind: orUnset(z.string()),
  identity: orUnset(loose),
};

/** An endpoint PUT. What is not listed is read-only or unknown, and has no effect: clients send back what they got. */
export const EndpointBody = z.object({
  ...envelope,
  sku: orUnset(loose),
  properties: z.object({
    authMode: z.enum(['Key', 'AMLToken', 'AADToken']),
    description: orUnset(z.string()),
    compute: orUnset(z.string()),
    publicNetworkAccess: orUnset(z.enum(['Enabled', 'Disabled'])),
    properties: tags,
    traffic: shares,
    mirrorTraffic: shares,
    keys: orUnset(
      z.object({ primaryKey: orUnset(z.string().min(1)), secondaryKey: orUnset(z.string().min(1)) }),
    ),
  }),
});
export type EndpointBody = z.infer<typeof EndpointBody>;

export const EndpointPatch = z.strictObject({ tags, identity: orUnset(loose) });

const probe = orUnset(
  z.object({
    failureThreshold: orUnset(z.int().min(1).max(10_000)),
    successThreshold: orUnset(z.int().min(1).max(10_000)),
    timeout: orUnset(duration(1, DAY_MS)),
    period: orUnset(duration(1, DAY_MS)),
    initialDelay: orUnset(duration(0, DAY_MS)),
  }),
);

const sku = orUnset(
  z.object({
    name: orUnset(z.string()),
    tier: orUnset(z.string()),
    capacity: orUnset(z.int().min(1).max(50)),
  }),
);

const scaleSettings = z.discriminatedUnion('scaleType', [
  z.object({ scaleType: z.literal('Default') }),
  z
    .object({
      scaleType: z.literal('TargetUtilization'),
      minInstances: z
        .int()
        .min(1)
        .max(50)
        .nullish()
        .transform((value) => value ?? 1),
      maxInstances: z
        .int()
        .min(1)
        .max(50)
        .nullish()
        .transform((value) => value ?? 1),
      pollingInterval: duration(1_000, DAY_MS)
        .nullish()
        .transform((value) => value ?? 'PT1S'),
      targetUtilizationPercentage: z
        .int()
        .min(1)
        .max(100)
        .nullish()
        .transform((value) => value ?? 70),
    })
    .refine(({ minInstances, maxInstances }) => minInstances <= maxInstances, {
      message: 'minInstances must not be above maxInstances',
      path: ['minInstances'],
    }),
]);

export const DeploymentBody = z.object({
  ...envelope,
  sku,
  properties: z.object({
    endpointComputeType: z.enum(['Managed', 'Kubernetes']),
    description: orUnset(z.string()),
    model: orUnset(z.string()),
    modelMountPath: orUnset(z.string()),
    codeConfiguration: orUnset(z.object({ codeId: orUnset(z.string()), scoringScript: z.string().min(1) })),
    environmentId: orUnset(z.string()),
    environmentVariables: orUnset(
      z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), orUnset(z.string())),
    ),
    properties: tags,
    appInsightsEnabled: orUnset(z.boolean()),
    instanceType: orUnset(z.string()),
    egressPublicNetworkAccess: orUnset(z.enum(['Enabled', 'Disabled'])),
    requestSettings: orUnset(
      z.object({
        maxConcurrentRequestsPerInstance: orUnset(z.int().min(1).max(1_000)),
        requestTimeout: orUnset(duration(1, 300_000)),
        maxQueueWait: orUnset(duration(0, 300_000)),
      }),
    ),
    livenessProbe: probe,
    readinessProbe: probe,
    scaleSettings: orUnset(scaleSettings),
    containerResourceRequirements: orUnset(loose),
  }),
});
export type DeploymentBody = z.infer<typeof DeploymentBody>;

export const DeploymentPatch = z.strictObject({ tags, sku });

export const RegenerateKeysBody = z.object({
  keyType: z.enum(['Primary', 'Secondary']),
  keyValue: orUnset(z.string().min(1)),
});

export const GetLogsBody = orUnset(
  z.object({
    containerType: orUnset(z.enum(['InferenceServer', 'StorageInitializer'])),
    tail: orUnset(z.int().min(0)),
  }),
);

/** @throws {ArmError} 400 with every problem, each with its path and what was found. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const path = issue.path.join('.') || 'the body';
    return `${path}: ${issue.message}`;
  });
  throw badArgument(
    `The request body is not valid: ${problems.join('; ')}.`,
    result.error.issues[0]?.path.join('.'),
  );
}
