import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { readSelector } from '../../core/promql.js';
import { PortError } from '../ports.js';
import { envoyQueries, istioQueries, ownQueries, type TrafficQueries } from './templates.js';

const Query = z
  .string()
  .refine((query) => readSelector(query).ok, {
    error: ({ input }) => {
      const read = readSelector(String(input));
      return read.ok ? '' : read.message;
    },
  })
  .refine((query) => query.includes('$deployment'), { error: 'has no $deployment in it' });

const Proxy = z.discriminatedUnion('proxy', [
  z.strictObject({ proxy: z.literal('envoy'), cluster: z.string().includes('$deployment') }),
  z.strictObject({
    proxy: z.literal('istio'),
    namespace: z.string().min(1),
    reporter: z
      .string()
      .regex(/^[a-z_]+$/)
      .optional(),
    match: z.string().includes('$deployment').optional(),
  }),
  z.strictObject({
    proxy: z.literal('other'),
    requests: Query,
    errors: Query,
    buckets: z.strictObject({ query: Query, unit: z.enum(['ms', 's']) }).optional(),
    beyond: Query.optional(),
    active: Query.optional(),
    mirrored: z.boolean(),
  }),
]);

/**
 * What the file `GREENLIGHT_PROMETHEUS_PROXY_FILE` says of how the proxy counts (docs/metrics.md), as JSON.
 *
 * @returns undefined where there is no such variable: the target's own proxy is read.
 * @throws {PortError} permanent `PrometheusSettings` for a file that cannot be meant.
 */
export async function proxyQueries(
  env: Readonly<Record<string, string | undefined>>,
): Promise<TrafficQueries | undefined> {
  const file = env['GREENLIGHT_PROMETHEUS_PROXY_FILE']?.trim();
  if (!file) return undefined;
  const { proxy, ...given } = await read(file);
  const settings = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  // What the schema has let through has the form that each of them wants.
  if (proxy === 'envoy') return envoyQueries(settings as Parameters<typeof envoyQueries>[0]);
  if (proxy === 'istio') return istioQueries(settings as Parameters<typeof istioQueries>[0]);
  return ownQueries(settings as unknown as Parameters<typeof ownQueries>[0]);
}

async function read(file: string): Promise<z.output<typeof Proxy>> {
  try {
    return Proxy.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (thrown) {
    const [issue] = thrown instanceof z.ZodError ? thrown.issues : [];
    const reason = issue ? `${issue.path.join('.') || 'it'}: ${issue.message}` : (thrown as Error).message;
    throw new PortError(
      `GREENLIGHT_PROMETHEUS_PROXY_FILE, ${file}, cannot be used: ${reason}; docs/metrics.md shows what it may hold`,
      { kind: 'permanent', code: 'PrometheusSettings' },
      { cause: thrown },
    );
  }
}
