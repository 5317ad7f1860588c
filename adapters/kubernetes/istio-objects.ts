import { z } from 'zod';
import { Metadata } from './objects.js';

/** What is read of Istio's objects; everything else in them is left alone. */
const Text = z.looseObject({
  exact: z.string().optional(),
  prefix: z.string().optional(),
  regex: z.string().optional(),
});

const HttpMatch = z.looseObject({ uri: Text.optional(), headers: z.record(z.string(), Text).optional() });
export type HttpMatch = z.output<typeof HttpMatch>;

const Destination = z.looseObject({
  host: z.string(),
  subset: z.string().optional(),
  port: z.looseObject({ number: z.number().optional() }).optional(),
});
export type Destination = z.output<typeof Destination>;

const Percentage = z.looseObject({ value: z.number().prefault(0) });

const HttpDestination = z.looseObject({ destination: Destination, weight: z.number().optional() });
export type HttpDestination = z.output<typeof HttpDestination>;

const Mirror = z.looseObject({ destination: Destination, percentage: Percentage.optional() });
export type Mirror = z.output<typeof Mirror>;

export const HttpRule = z.looseObject({
  name: z.string().optional(),
  match: z.array(HttpMatch).optional(),
  route: z.array(HttpDestination).optional(),
  timeout: z.string().optional(),
  directResponse: z
    .looseObject({ body: z.looseObject({ string: z.string().optional() }).optional() })
    .optional(),
  mirrors: z.array(Mirror).optional(),
  // One copy, as it was written before there was a list of them; its share by one of three names.
  mirror: Destination.optional(),
  mirrorPercentage: Percentage.optional(),
  mirrorPercent: z.number().nullish(),
  mirror_percent: z.number().nullish(),
});
export type HttpRule = z.output<typeof HttpRule>;

export const VirtualService = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    hosts: z.array(z.string()).prefault([]),
    gateways: z.array(z.string()).prefault([]),
    http: z.array(HttpRule).prefault([]),
  }),
  status: z
    .looseObject({
      observedGeneration: z.union([z.number(), z.string()]).transform(Number).optional(),
      validationMessages: z
        .array(
          z.looseObject({
            level: z.union([z.string(), z.number()]).optional(),
            type: z.looseObject({ name: z.string().optional(), code: z.string().optional() }).optional(),
          }),
        )
        .prefault([]),
    })
    .prefault({}),
});
export type VirtualService = z.output<typeof VirtualService>;

export const IstioGateway = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    servers: z.array(z.looseObject({ hosts: z.array(z.string()).prefault([]) })).prefault([]),
  }),
});
export type IstioGateway = z.output<typeof IstioGateway>;
