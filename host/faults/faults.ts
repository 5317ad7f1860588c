import { z } from 'zod';
import { parseDuration } from '../serving/duration.js';

const duration = (shortestMs: number) =>
  z.string().refine((text) => (parseDuration(text) ?? -1) >= shortestMs && parseDuration(text)! <= 600_000, {
    error: `expected an ISO 8601 duration from ${shortestMs / 1000} s to 600 s, such as PT0.2S`,
  });

/** Troubles for one deployment, for rehearsals and tests; what is left out is no trouble. */
export const FaultsBody = z.strictObject({
  /** Wait before a request reaches the model server. */
  addedLatency: duration(0.001).optional(),
  /** Requests that get `errorStatus` instead of an answer of the model server, percent to two digits. */
  errorPercent: z.number().min(0).max(100).optional(),
  /** What the model server seems to answer; clients see it mapped, as Azure does. */
  errorStatus: z.int().min(400).max(599).default(500),
  /** How long a new instance stays not ready, from its start. */
  slowStart: duration(0).optional(),
  /** How often one of its instances is killed. */
  crashEvery: duration(1000).optional(),
});
export type FaultsBody = z.infer<typeof FaultsBody>;

/** Faults of a deployment as the host remembers them. */
export interface FaultsRecord extends Partial<FaultsBody> {
  /** Where requests pass the faults, behind the clusters that count them; kept once chosen. */
  readonly port: number;
  /** When they were set, milliseconds since the epoch; null once they were lifted. */
  readonly sinceMs: number | null;
}
