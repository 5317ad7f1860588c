/** What the gateway has to know; plain data, from which its whole configuration follows. */
export interface GatewayModel {
  readonly endpoints: readonly GatewayEndpoint[];
}

export interface GatewayEndpoint {
  readonly workspace: string;
  readonly name: string;
  /** Decides how errors of the model are told to clients. */
  readonly kind: 'managed' | 'kubernetes';
  /** Every key and token that opens the endpoint. */
  readonly credentials: readonly string[];
  /** Whole percent per deployment; sums to 100, or to 0 when the endpoint is off. */
  readonly traffic: Readonly<Record<string, number>>;
  readonly mirror: Readonly<Record<string, number>>;
  readonly deployments: readonly GatewayDeployment[];
}

export interface GatewayDeployment {
  readonly name: string;
  readonly requestTimeoutMs: number;
  /** Requests that may be in it at once before clients are told to come back later. */
  readonly maxRequests: number;
  /** Whether requests may be routed to it by its name. */
  readonly routable: boolean;
  /** Loopback ports of the instances that serve. */
  readonly ports: readonly number[];
  /** Whether its model servers keep a connection open for the next request. */
  readonly keepsConnections: boolean;
  /** Troubles between the gateway and the instances. */
  readonly faults?: GatewayFaults;
}

export interface GatewayFaults {
  /** Loopback port of the listener that makes them. */
  readonly port: number;
  /** Whether requests go through it now; it stays when they do not, for those that are still in it. */
  readonly inUse: boolean;
  readonly delayMs: number;
  readonly errorPercent: number;
  readonly errorStatus: number;
}
