import { type Attributes, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResourcesSync, envDetectorSync, Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { OpenTelemetryPlugin } from '@temporalio/interceptors-opentelemetry';

/** Traces of this process: through Temporal by its plugin, to a collector by OTLP over HTTP, as JSON. */
export interface Tracing {
  /** For clients, workers and the bundle of workflows alike. */
  readonly plugin: OpenTelemetryPlugin;
  /** Runs work as one span. */
  span<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** Sends what is still to be sent. Never throws, and takes no longer than two seconds. */
  flush(): Promise<void>;
}

const FLUSH_MS = 2_000;
let started: Tracing | undefined;

/**
 * Starts tracing, once a process. Where a program has an OpenTelemetry of its own, its spans and its context are used, and
 * only what workflows tell goes through ours.
 *
 * Where to, how and with what headers is OpenTelemetry's standard environment: OTEL_EXPORTER_OTLP_ENDPOINT,
 * OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_….
 */
export function startTracing(serviceName: string): Tracing {
  started ??= start(serviceName);
  return started;
}

function start(serviceName: string): Tracing {
  const resource = new Resource({ 'service.name': process.env['OTEL_SERVICE_NAME'] ?? serviceName }).merge(
    detectResourcesSync({ detectors: [envDetectorSync] }),
  );
  const processor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  provider.register({ contextManager: new AsyncLocalStorageContextManager().enable() });
  const tracer = trace.getTracer('greenlight');
  return {
    plugin: new OpenTelemetryPlugin({ resource, spanProcessor: processor }),
    span: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes }, async (span) => {
        try {
          return await work();
        } catch (error) {
          span.setStatus({
            code: SpanStatusCode.ERROR,
            message: error instanceof Error ? error.name : 'unknown',
          });
          throw error;
        } finally {
          span.end();
        }
      }),
    async flush() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref());
      // A collector that is away costs spans, and nothing else.
      await Promise.race([processor.forceFlush().catch(() => undefined), late]);
    },
  };
}
