import { z } from 'zod';

/** What is read of the objects; everything else in them is left alone. */
export const Metadata = z.looseObject({
  name: z.string(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.number().optional(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).prefault({}),
  annotations: z.record(z.string(), z.string()).prefault({}),
  ownerReferences: z
    .array(z.looseObject({ kind: z.string(), name: z.string(), controller: z.boolean().optional() }))
    .prefault([]),
  managedFields: z
    .array(
      z.looseObject({
        manager: z.string().optional(),
        operation: z.string().optional(),
        time: z.string().optional(),
        fieldsV1: z.unknown(),
      }),
    )
    .prefault([]),
});
export type Metadata = z.output<typeof Metadata>;
/** Any object, of which only the name matters. */
export const Named = z.looseObject({ metadata: Metadata });

export const Condition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  observedGeneration: z.number().optional(),
  lastTransitionTime: z.string().optional(),
});
export type Condition = z.output<typeof Condition>;

const Header = z.looseObject({ type: z.string().optional(), name: z.string(), value: z.string() });
export const Match = z.looseObject({
  path: z.looseObject({ type: z.string().optional(), value: z.string().optional() }).optional(),
  headers: z.array(Header).optional(),
});
export type Match = z.output<typeof Match>;
const BackendObject = z.looseObject({
  group: z.string().optional(),
  kind: z.string().optional(),
  name: z.string(),
  namespace: z.string().optional(),
  port: z.number().optional(),
});
export const Filter = z.looseObject({
  type: z.string(),
  requestMirror: z
    .looseObject({
      backendRef: BackendObject,
      percent: z.number().optional(),
      fraction: z.looseObject({ numerator: z.number(), denominator: z.number().optional() }).optional(),
    })
    .optional(),
});
export type Filter = z.output<typeof Filter>;
export const BackendRef = BackendObject.extend({
  weight: z.number().optional(),
  filters: z.array(Filter).optional(),
});
export type BackendRef = z.output<typeof BackendRef>;
export const Rule = z.looseObject({
  name: z.string().optional(),
  matches: z.array(Match).optional(),
  filters: z.array(Filter).optional(),
  backendRefs: z.array(BackendRef).optional(),
  timeouts: z.looseObject({ request: z.string().optional() }).optional(),
});
export type Rule = z.output<typeof Rule>;

const ParentRef = z.looseObject({
  group: z.string().optional(),
  kind: z.string().optional(),
  namespace: z.string().optional(),
  name: z.string(),
  sectionName: z.string().optional(),
  port: z.number().optional(),
});
export type ParentRef = z.output<typeof ParentRef>;

export const Route = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    parentRefs: z.array(ParentRef).prefault([]),
    hostnames: z.array(z.string()).prefault([]),
    rules: z.array(Rule).prefault([]),
  }),
  status: z
    .looseObject({
      parents: z
        .array(
          z.looseObject({
            parentRef: ParentRef,
            controllerName: z.string(),
            conditions: z.array(Condition).prefault([]),
          }),
        )
        .prefault([]),
    })
    .prefault({ parents: [] }),
});
export type Route = z.output<typeof Route>;

export const Gateway = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    gatewayClassName: z.string(),
    listeners: z
      .array(
        z.looseObject({
          name: z.string(),
          port: z.number(),
          protocol: z.string(),
          hostname: z.string().optional(),
        }),
      )
      .prefault([]),
  }),
  status: z
    .looseObject({
      addresses: z.array(z.looseObject({ type: z.string().optional(), value: z.string() })).prefault([]),
    })
    .prefault({ addresses: [] }),
});
export type Gateway = z.output<typeof Gateway>;

export const GatewayClass = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({ controllerName: z.string() }),
  status: z
    .looseObject({
      // Names only until Gateway API 1.2, objects since.
      supportedFeatures: z.array(z.union([z.string(), z.looseObject({ name: z.string() })])).optional(),
    })
    .prefault({}),
});
export type GatewayClass = z.output<typeof GatewayClass>;

const Selector = z.looseObject({ matchLabels: z.record(z.string(), z.string()).prefault({}) });
export const KubeDeployment = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    replicas: z.number().prefault(1),
    selector: Selector,
    template: z.looseObject({
      spec: z.looseObject({ containers: z.array(z.looseObject({ name: z.string() })).prefault([]) }),
    }),
  }),
  status: z
    .looseObject({
      observedGeneration: z.number().prefault(0),
      replicas: z.number().prefault(0),
      updatedReplicas: z.number().prefault(0),
      readyReplicas: z.number().prefault(0),
      conditions: z.array(Condition).prefault([]),
    })
    .prefault({}),
});
export type KubeDeployment = z.output<typeof KubeDeployment>;

export const Service = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    selector: z.record(z.string(), z.string()).prefault({}),
    ports: z
      .array(
        z.looseObject({ port: z.number(), name: z.string().optional(), protocol: z.string().optional() }),
      )
      .prefault([]),
  }),
});
export type Service = z.output<typeof Service>;

const ContainerStatus = z.looseObject({
  name: z.string(),
  restartCount: z.number().prefault(0),
  state: z
    .looseObject({
      waiting: z.looseObject({ reason: z.string().optional(), message: z.string().optional() }).optional(),
    })
    .optional(),
});
export const Pod = z.looseObject({
  metadata: Metadata,
  status: z
    .looseObject({
      phase: z.string().optional(),
      startTime: z.string().optional(),
      containerStatuses: z.array(ContainerStatus).prefault([]),
      initContainerStatuses: z.array(ContainerStatus).prefault([]),
      conditions: z.array(Condition).prefault([]),
    })
    .prefault({}),
});
export type Pod = z.output<typeof Pod>;

export const EndpointSlice = z.looseObject({
  metadata: Metadata,
  endpoints: z
    .array(z.looseObject({ conditions: z.looseObject({ ready: z.boolean().nullish() }).nullish() }))
    .nullish()
    .transform((endpoints) => endpoints ?? []),
});
export type EndpointSlice = z.output<typeof EndpointSlice>;

export const Autoscaler = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({
    scaleTargetRef: z.looseObject({ kind: z.string(), name: z.string() }),
    minReplicas: z.number().prefault(1),
    maxReplicas: z.number(),
  }),
});
export type Autoscaler = z.output<typeof Autoscaler>;

/** KEDA's, of which it makes an autoscaler. Without a fewest number, idle ones go down to none. */
export const ScaledObject = z.looseObject({
  metadata: Metadata,
  spec: z.looseObject({ minReplicaCount: z.number().prefault(0) }),
});
export type ScaledObject = z.output<typeof ScaledObject>;
