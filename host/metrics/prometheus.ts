import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { INSTANCE_STATES, type HostState, type OperationRecord } from '../state/model.js';

/** The host's own metrics, for Prometheus. Those of requests are Envoy's, at its admin address. */
export class HostMetrics {
  readonly #registry = new Registry();
  readonly #calls: Counter;
  readonly #operations: Histogram;

  constructor(state: HostState) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#calls = new Counter({
      name: 'greenlight_host_calls_total',
      help: 'ARM calls that were answered.',
      labelNames: ['method', 'status'],
      registers,
    });
    this.#operations = new Histogram({
      name: 'greenlight_host_operation_seconds',
      help: 'Time from the beginning of a long-running operation to its end.',
      labelNames: ['kind', 'status'],
      buckets: [0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 300],
      registers,
    });
    new Gauge({
      name: 'greenlight_host_operations_running',
      help: 'Long-running operations that have not ended.',
      registers,
      collect() {
        this.set(Object.values(state.operations).filter(({ status }) => status === 'InProgress').length);
      },
    });
    new Gauge({
      name: 'greenlight_host_instances',
      help: 'Model servers by state.',
      labelNames: ['workspace', 'endpoint', 'deployment', 'state'],
      registers,
      collect() {
        this.reset();
        for (const { labels, deployment } of deploymentsOf(state)) {
          for (const wanted of INSTANCE_STATES) {
            const count = Object.values(deployment.instances).filter((i) => i.state === wanted).length;
            this.set({ ...labels, state: wanted }, count);
          }
        }
      },
    });
    new Gauge({
      name: 'greenlight_host_instances_wanted',
      help: 'Model servers that a deployment should have.',
      labelNames: ['workspace', 'endpoint', 'deployment'],
      registers,
      collect() {
        this.reset();
        for (const { labels, deployment } of deploymentsOf(state)) this.set(labels, deployment.sku.capacity);
      },
    });
    new Gauge({
      name: 'greenlight_host_restarts',
      help: 'Model servers of a deployment that ended and were replaced.',
      labelNames: ['workspace', 'endpoint', 'deployment'],
      registers,
      collect() {
        this.reset();
        for (const { labels, deployment } of deploymentsOf(state)) this.set(labels, deployment.restarts);
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  callAnswered(method: string, status: number): void {
    this.#calls.inc({ method, status });
  }

  operationEnded({ kind, status, startTime, endTime }: OperationRecord): void {
    const seconds = (Date.parse(endTime ?? startTime) - Date.parse(startTime)) / 1000;
    this.#operations.observe({ kind, status }, seconds);
  }
}

function deploymentsOf(state: HostState) {
  return Object.values(state.endpoints).flatMap((endpoint) =>
    Object.values(endpoint.deployments).map((deployment) => ({
      labels: { workspace: endpoint.workspace, endpoint: endpoint.name, deployment: deployment.name },
      deployment,
    })),
  );
}
