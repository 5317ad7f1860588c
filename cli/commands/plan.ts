import type { CallOptions } from '../../adapters/ports.js';
import { forecastPlan, type PlanForecast } from '../../core/gates/index.js';
import type { Plan } from '../../core/plan.js';
import { PortError } from '../../core/port-error.js';
import { renderPlan } from '../../spec/index.js';
import type { Context } from '../context.js';
import { openTarget } from '../endpoints.js';
import { forecastText } from '../forecast-text.js';
import { measureBaseline, type Measured } from '../measure.js';
import type { CommandFunction } from '../program.js';
import { scaledIn } from '../scaled-in.js';
import { readSpecInPlace } from '../spec-file.js';

const COUNT_FOR_MS = 10_000;
const COUNT_EVERY_MS = 2_000;
/** A plan does not wait for a target that hangs: so long for each answer. */
const ANSWERS_WITHIN_MS = 20_000;

/** What a spec means, and what its gates can do at the traffic that there is, or that is given. */
export const plan: CommandFunction = async (ctx, [file = ''], options) => {
  const { rps } = options as { rps?: number };
  const spec = await readSpecInPlace(ctx, file);
  if (spec === undefined) return 'rejected';
  const forecast = await forecastFor(ctx, spec.plan, rps);
  const texts = [renderPlan(spec.plan), ...(forecast === null ? [] : ['', forecast.text])];
  ctx.out.result(texts.join('\n'), { ...spec.plan, forecast: forecast?.forecast ?? null });
  const problems = forecast?.forecast.problems ?? [];
  if (problems.length === 0) return 'ok';
  ctx.out.note(
    ['', 'At this traffic these gates cannot decide:', ...problems.map((text) => `- ${text}`)].join('\n'),
  );
  return 'rejected';
};

interface Forecast {
  readonly forecast: PlanForecast;
  readonly text: string;
}

/** null where the traffic is not known; why is told on stderr. */
async function forecastFor(ctx: Context, plan: Plan, given: number | undefined): Promise<Forecast | null> {
  const found = await measure(ctx, plan, given === undefined);
  const rps = given ?? ('why' in found ? null : found.rps);
  if (rps === null || rps === 0) {
    ctx.out.note(
      `No forecast of the gates: ${whyNoRate(plan, found)}\nGive --rps N, requests a second, for one without a measurement.`,
    );
    return null;
  }
  if ('why' in found) ctx.out.note(`The baseline's own numbers are not known: ${found.why}`);
  const known = 'why' in found ? UNKNOWN : found;
  const { baseline, edgesMs, own } = known;
  const forecast = forecastPlan(plan, { rps, baseline, edgesMs, ...(own && { own }) });
  const source = given === undefined ? `measured at ${known.name}` : `given`;
  return { forecast, text: forecastText(forecast, source) };
}

function whyNoRate(plan: Plan, found: Measured | { readonly why: string }): string {
  if ('why' in found) return found.why;
  if (found.name === '') return `no deployment of ${plan.endpoint} holds all live traffic`;
  const within = `in ${Math.round(found.countedMs / 1000)} s`;
  return found.rps === null
    ? `the counters of ${found.name} did not go on ${within}`
    : `${found.name} had no request ${within}`;
}

/** A ladder fine enough for any limit; which requests lie where is not known. */
const UNKNOWN: Measured = {
  name: '',
  rps: null,
  countedMs: 0,
  baseline: null,
  edgesMs: Array.from({ length: 230 }, (_, i) => 1.05 ** i),
};

async function measure(
  ctx: Context,
  plan: Plan,
  count: boolean,
): Promise<Measured | { readonly why: string }> {
  let asked = AbortSignal.timeout(ANSWERS_WITHIN_MS);
  const call = (): CallOptions => {
    asked = AbortSignal.timeout(ANSWERS_WITHIN_MS);
    return { signal: asked };
  };
  try {
    const ports = await openTarget(ctx, plan.target);
    if (count) {
      ctx.out.note(
        `Counting the requests of ${plan.endpoint} for up to ${COUNT_FOR_MS / 1000} s, longer where its metrics come less often …`,
      );
    }
    const measured = await measureBaseline(ports, plan, {
      forMs: count ? COUNT_FOR_MS : 0,
      everyMs: COUNT_EVERY_MS,
      call,
    });
    const gone = await scaledIn(ports, plan.endpoint, measured.name, call());
    if (gone !== undefined) ctx.out.note(`On ${plan.endpoint} ${gone.because}.\nBetter ${gone.instead}.`);
    return measured;
  } catch (error) {
    if (asked.aborted) {
      return { why: `${plan.endpoint} did not answer within ${ANSWERS_WITHIN_MS / 1000} s` };
    }
    if (error instanceof PortError) return { why: error.message };
    throw error;
  }
}
