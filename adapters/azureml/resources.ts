import { z } from 'zod';
import { ArmError } from './arm-error.js';

// What comes from the service: strict about what is used, silent about the rest (`looseObject` keeps it, so that a PUT
// made from a GET loses nothing).

/** By the API's own description each value may be null, which says no more than a key that is not there. */
const Texts = z
  .record(z.string(), z.string().nullable())
  .transform((texts) =>
    Object.fromEntries(Object.entries(texts).flatMap(([key, text]) => (text === null ? [] : [[key, text]]))),
  );
const Shares = z.record(z.string(), z.number().int().min(0).max(100));
/** The service leaves empty maps out, or writes null. */
const orEmpty = <T>(map: z.ZodType<Record<string, T>>): z.ZodType<Record<string, T>> =>
  z.preprocess((value) => value ?? {}, map) as z.ZodType<Record<string, T>>;

export const AuthMode = z.enum(['Key', 'AMLToken', 'AADToken']);
export type AuthMode = z.infer<typeof AuthMode>;

export const EndpointResource = z.looseObject({
  name: z.string(),
  location: z.string(),
  tags: orEmpty(Texts),
  properties: z.looseObject({
    authMode: AuthMode,
    provisioningState: z.string(),
    scoringUri: z.string().nullish(),
    compute: z.string().nullish(),
    traffic: orEmpty(Shares),
    mirrorTraffic: orEmpty(Shares),
    properties: orEmpty(Texts),
  }),
});
export type EndpointResource = z.infer<typeof EndpointResource>;

export const DeploymentResource = z.looseObject({
  name: z.string(),
  location: z.string(),
  tags: orEmpty(Texts),
  systemData: z.looseObject({ createdAt: z.string().nullish() }).nullish(),
  sku: z.looseObject({ name: z.string(), capacity: z.number().int().min(0).nullish() }).nullish(),
  properties: z.looseObject({
    provisioningState: z.string(),
    scaleSettings: z.looseObject({ scaleType: z.string() }).nullish(),
    properties: orEmpty(Texts),
  }),
});
export type DeploymentResource = z.infer<typeof DeploymentResource>;

/** An autoscale setting of Azure Monitor. */
export const AutoscaleSetting = z.looseObject({
  properties: z.looseObject({ targetResourceUri: z.string().nullish(), enabled: z.boolean().nullish() }),
});
export type AutoscaleSetting = z.infer<typeof AutoscaleSetting>;

export const WorkspaceResource = z.looseObject({ location: z.string() });

/** One page of a list. */
export function page<T>(item: z.ZodType<T>): z.ZodType<{ value: T[]; nextLink?: string | null | undefined }> {
  return z.looseObject({ value: z.array(item), nextLink: z.string().nullish() });
}

export const EndpointKeys = z.looseObject({ primaryKey: z.string(), secondaryKey: z.string() });

export const EndpointToken = z.looseObject({
  accessToken: z.string(),
  /** Seconds since the epoch. */
  refreshAfterTimeUtc: z.number(),
});

export const DeploymentLogs = z.looseObject({ content: z.string() });

export const ArmErrorBody = z.looseObject({ error: ArmError });

/** The status of a long-running operation. */
export const OperationStatus = z.looseObject({ status: z.string(), error: ArmError.nullish() });
export type OperationStatus = z.infer<typeof OperationStatus>;
