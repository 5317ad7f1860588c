import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { PipelinePolicy } from '@azure/core-rest-pipeline';

/**
 * Each request as a span, which the service may go on from by its `traceparent` header (W3C). Without a tracer, which is
 * the rule, it does nothing.
 */
export const armTracingPolicy: PipelinePolicy = {
  name: 'armTracingPolicy',
  sendRequest(request, next) {
    const url = new URL(request.url);
    const attributes = {
      'http.request.method': request.method,
      'server.address': url.hostname,
      'server.port': Number(url.port) || 443,
      // Without its query, which may hold a signature.
      'url.path': url.pathname,
    };
    return trace
      .getTracer('greenlight')
      .startActiveSpan(`ARM ${request.method}`, { kind: SpanKind.CLIENT, attributes }, async (span) => {
        propagation.inject(context.active(), request.headers, {
          set: (headers, name, value) => headers.set(name, value),
        });
        try {
          const response = await next(request);
          span.setAttribute('http.response.status_code', response.status);
          if (response.status >= 400) span.setStatus({ code: SpanStatusCode.ERROR });
          return response;
        } catch (error) {
          span.setStatus({ code: SpanStatusCode.ERROR });
          throw error;
        } finally {
          span.end();
        }
      });
  },
};
