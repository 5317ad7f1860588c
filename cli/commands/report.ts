import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CommandFunction } from '../program.js';
import { withGreenlight } from '../with-greenlight.js';

/** Writes a rollout, over or under way, as one HTML file. */
export const report: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { file = `rollout-${endpoint}.html`, run } = options as { file?: string; run?: string };
  return withGreenlight(ctx, async (greenlight) => {
    const rollout = await greenlight.rollout(endpoint, { run });
    const page = await rollout.report();
    await writeFile(file, page);
    const bytes = Buffer.byteLength(page);
    const { workflowId, runId } = rollout;
    ctx.out.result(`${endpoint}: ${resolve(file)} (${Math.ceil(bytes / 1024)} KB)`, {
      endpoint,
      file: resolve(file),
      bytes,
      workflowId,
      runId,
    });
    return 'ok';
  });
};
