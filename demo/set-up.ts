import { z } from 'zod';
import { ensureModelServer } from '../embedded/model-server.js';
import { type Stack, startStack } from '../embedded/stack.js';
import { type CommandOptions, greenlight } from './command.js';
import { DemoProblem } from './problem.js';
import { type DemoData, ensureModels } from './models.js';
import type { Teller } from './teller.js';

export const ENDPOINT = 'diabetes';
/** Deployments by version, as the files in rollout-specs/diabetes/ name them. */
export const DEPLOYMENT = { v1: 'blue', v2: 'green', v3: 'orange' } as const;

const Keys = z.object({ primary: z.string() });
/** As much of `greenlight endpoint show` as the demo needs. */
const Endpoint = z.object({
  scoringUri: z.string(),
  traffic: z.object({ live: z.record(z.string(), z.number()), mirror: z.record(z.string(), z.number()) }),
  deployments: z.array(z.object({ name: z.string() })),
});
export type Endpoint = z.infer<typeof Endpoint>;

/** Everything that runs before the first rollout. */
export interface World {
  readonly stack: Stack;
  readonly data: DemoData;
  readonly scoringUri: string;
  readonly key: string;
}

/**
 * Models, Temporal, the endpoint host, a worker; then the endpoint with v1 behind it.
 *
 * @throws {EmbeddedError} when a part is missing or does not start.
 * @throws {DemoProblem} when a command ends badly.
 */
export async function setUp(state: string, tell: Teller, signal: AbortSignal): Promise<World> {
  tell.chapter('Set-up');
  const progress = (line: string) => tell.plain(line);
  const python = await ensureModelServer(progress);
  signal.throwIfAborted();
  const data = await ensureModels(python);
  tell.plain(trainedText(data));
  signal.throwIfAborted();

  const stack = await startStack({ state, progress });
  const { temporal, host } = stack;
  tell.plain(
    `Temporal at ${temporal.address}${temporal.uiUrl === null ? '' : `, UI at ${temporal.uiUrl}`}; ` +
      `endpoints at ${host.gatewayUrl}; state in ${state}`,
  );

  const options = { state, signal, onLine: (line: string) => tell.event(line) };
  const create = [
    'endpoint',
    'create',
    ENDPOINT,
    '--deployment',
    'rollout-specs/diabetes/blue-deployment.yml',
  ];
  tell.command(create);
  await ask(create, z.unknown(), options);
  const { scoringUri, traffic } = await showEndpoint(options);
  const { primary: key } = await ask(['endpoint', 'keys', ENDPOINT], Keys, options);
  tell.plain(`${ENDPOINT} serves at ${scoringUri}: ${JSON.stringify(traffic.live)}`);
  return { stack, data, scoringUri, key };
}

/** What the endpoint shows now. */
export async function showEndpoint(options: CommandOptions): Promise<Endpoint> {
  return ask(['endpoint', 'show', ENDPOINT], Endpoint, options);
}

async function ask<T>(args: readonly string[], answer: z.ZodType<T>, options: CommandOptions): Promise<T> {
  const said: string[] = [];
  const { exitCode, value } = await greenlight(args, { ...options, onLine: (line) => said.push(line) });
  const { data, success } = answer.safeParse(value);
  if (exitCode === 0 && success) return data;
  throw new DemoProblem(
    [`\`greenlight ${args.join(' ')}\` ended with exit code ${exitCode ?? 'none'}:`, ...said].join('\n  '),
  );
}

function trainedText({ report, rows }: DemoData): string {
  const error = (version: string) => report[version]?.testRmse.toFixed(2) ?? '?';
  return (
    `models trained on scikit-learn's diabetes data, tested on ${rows.length} rows that they have not seen: ` +
    `v1 a linear model, test RMSE ${error('v1')}; v2 a support vector machine, ${error('v2')}; ` +
    `v3 the model of v2 behind a new scoring script, which has two mistakes`
  );
}
