/**
 * Whether OpenTelemetry's standard variables ask for traces: an endpoint is named, and they are not turned off.
 *
 * Nothing of OpenTelemetry is loaded to find out.
 */
export function tracesWanted(env: NodeJS.ProcessEnv): boolean {
  const set = (name: string): boolean => (env[name] ?? '') !== '';
  return (
    (set('OTEL_EXPORTER_OTLP_ENDPOINT') || set('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')) &&
    env['OTEL_SDK_DISABLED']?.toLowerCase() !== 'true' &&
    env['OTEL_TRACES_EXPORTER'] !== 'none'
  );
}
