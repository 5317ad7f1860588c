import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';
import tseslint from 'typescript-eslint';

// The import table needs no types: without them a snippet is checked in milliseconds, under any path.
const eslint = new ESLint({ overrideConfig: [tseslint.configs.disableTypeChecked] });

async function complaints(filePath: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(`${code}\n`, { filePath });
  return (result?.messages ?? []).map(({ message }) => message);
}

describe('the import table', () => {
  it.each`
    file                         | code                                                                                      | instead
    ${'core/plan.ts'}            | ${"import { z } from 'zod'; export { z };"}                                               | ${'plain code'}
    ${'core/gates/a.ts'}         | ${"import { readFile } from 'node:fs'; export { readFile };"}                             | ${'plain code'}
    ${'core/plan.ts'}            | ${"import { read } from '../spec/read.js'; export { read };"}                             | ${'move what is needed into core/'}
    ${'core/gates/a.ts'}         | ${"import type { Endpoints } from '../../adapters/ports.js'; export type { Endpoints };"} | ${'core/ only'}
    ${'spec/parse.ts'}           | ${"import pino from 'pino'; export { pino };"}                                            | ${'no other package'}
    ${'spec/parse.ts'}           | ${"import { x } from '../adapters/x.js'; export { x };"}                                  | ${'core/ and spec/ only'}
    ${'workflows/rollout.ts'}    | ${"import { watch } from '../activities/watch.js'; export { watch };"}                    | ${'proxyActivities'}
    ${'workflows/rollout.ts'}    | ${"import { Client } from '@temporalio/client'; export { Client };"}                      | ${'in an activity, or in core/'}
    ${'workflows/rollout.ts'}    | ${"import { setTimeout } from 'node:timers'; export { setTimeout };"}                     | ${'in an activity, or in core/'}
    ${'activities/watch.ts'}     | ${"import { armEndpoints } from '../adapters/azureml/arm.js'; export { armEndpoints };"}  | ${'import type'}
    ${'activities/watch.ts'}     | ${"import { request } from 'undici'; export { request };"}                                | ${'belongs in an adapter'}
    ${'adapters/azureml/arm.ts'} | ${"import { rollout } from '../../workflows/rollout.js'; export { rollout };"}            | ${'core/ and adapters/ only'}
    ${'adapters/azureml/arm.ts'} | ${"import { log } from '@temporalio/activity'; export { log };"}                          | ${'throw a PortError'}
    ${'host/main.ts'}            | ${"import { armEndpoints } from '../adapters/azureml/arm.js'; export { armEndpoints };"}  | ${'program of its own'}
    ${'host/main.ts'}            | ${"import { sumShares } from '../core/traffic.js'; export { sumShares };"}                | ${'import type'}
    ${'embedded/stack.ts'}       | ${"import { serve } from '../host/main.js'; export { serve };"}                           | ${'as processes'}
    ${'cli/submit.ts'}           | ${"import { main } from '../worker/main.js'; export { main };"}                           | ${'as processes'}
    ${'cli/submit.ts'}           | ${"import { Worker } from '@temporalio/worker'; export { Worker };"}                      | ${'belongs in client/'}
    ${'client/find.ts'}          | ${"import { list } from '../cli/commands/list.js'; export { list };"}                     | ${'client/ is the library'}
    ${'client/find.ts'}          | ${"import { Worker } from '@temporalio/worker'; export { Worker };"}                      | ${'/client and /common only'}
    ${'report/page.ts'}          | ${"import { renderPlan } from '../spec/index.js'; export { renderPlan };"}                | ${'core/ and report/ only'}
    ${'report/page.ts'}          | ${"import { writeFile } from 'node:fs/promises'; export { writeFile };"}                  | ${'does no I/O'}
    ${'worker/main.ts'}          | ${"import { rollout } from '../workflows/index.js'; export { rollout };"}                 | ${'bundled by path'}
    ${'worker/main.ts'}          | ${"import { readFile } from 'fs'; export { readFile };"}                                  | ${'Write node:fs.'}
  `('refuses in $file: $code', async ({ file, code, instead }: Record<string, string>) => {
    expect(await complaints(file ?? '', code ?? '')).toEqual([expect.stringContaining(instead ?? '')]);
  });

  it.each`
    file                         | code
    ${'core/gates/a.ts'}         | ${"import { sumShares } from '../traffic.js'; export { sumShares };"}
    ${'spec/parse.ts'}           | ${"import { parseDocument } from 'yaml'; import { join } from 'node:path'; export { parseDocument, join };"}
    ${'workflows/rollout.ts'}    | ${"import { sleep } from '@temporalio/workflow'; import { x } from '../core/x.js'; export { sleep, x };"}
    ${'activities/watch.ts'}     | ${"import type { Endpoints } from '../adapters/ports.js'; export type { Endpoints };"}
    ${'adapters/azureml/arm.ts'} | ${"import { PortError } from '../ports.js'; import { z } from 'zod'; export { PortError, z };"}
    ${'host/main.ts'}            | ${"import type { Traffic } from '../core/traffic.js'; import fastify from 'fastify'; export { fastify, type Traffic };"}
    ${'cli/submit.ts'}           | ${"import { Greenlight } from '../client/greenlight.js'; import { up } from '../embedded/stack.js'; export { Greenlight, up };"}
    ${'client/find.ts'}          | ${"import { Client } from '@temporalio/client'; import { loadSpec } from '../spec/index.js'; export { Client, loadSpec };"}
    ${'report/page.ts'}          | ${"import { plot } from '@observablehq/plot'; import { x } from '../core/x.js'; export { plot, x };"}
    ${'worker/targets.ts'}       | ${"import { arm } from '../adapters/azureml/arm.js'; import { Worker } from '@temporalio/worker'; export { arm, Worker };"}
  `('allows in $file: $code', async ({ file, code }: Record<string, string>) => {
    expect(await complaints(file ?? '', code ?? '')).toEqual([]);
  });
});

it('asks for every typed rule that guards promises and unions', async () => {
  const { rules } = (await new ESLint().calculateConfigForFile('workflows/rollout.ts')) as {
    rules: Record<string, [number]>;
  };

  for (const rule of [
    'no-floating-promises',
    'no-misused-promises',
    'switch-exhaustiveness-check',
    'no-deprecated',
    'consistent-type-imports',
  ]) {
    expect(rules[`@typescript-eslint/${rule}`]?.[0], rule).toBe(2);
  }
});
