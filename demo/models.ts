import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { lock } from '../embedded/cache.js';
import { EmbeddedError } from '../embedded/errors.js';
import { readJson } from '../embedded/files.js';
import { packageRoot } from '../embedded/package-root.js';
import { run, whyNot } from '../embedded/run.js';

/** What came of the training, by version. */
const TrainingReport = z.record(z.string(), z.object({ testRmse: z.number() }));
export type TrainingReport = z.infer<typeof TrainingReport>;

const Rows = z.array(z.array(z.number()).length(10)).min(1);

export interface DemoData {
  readonly report: TrainingReport;
  /** Rows of the data set that no model was trained on: what clients send. */
  readonly rows: readonly (readonly number[])[];
}

const TRAINING_LIMIT_MS = 5 * 60_000;

/** The folder that holds the demo's specs and deployment files. */
export function specFolder(): string {
  return join(packageRoot(), 'rollout-specs');
}

/**
 * The models that the deployment files in rollout-specs/diabetes/ name, trained now if they are missing or the training
 * has changed since.
 *
 * They stand beside those files, ignored by git: a spec may only name what lies in its own folder.
 *
 * @param python - one that has scikit-learn (`ensureModelServer`).
 * @throws {EmbeddedError} when the training does not work.
 */
export async function ensureModels(python: string): Promise<DemoData> {
  const folder = join(specFolder(), 'diabetes', 'models');
  const script = join(packageRoot(), 'demo', 'train.py');
  const digest = createHash('sha256')
    .update(await readFile(script))
    .update(python)
    .digest('hex');
  const release = await lock(folder, TRAINING_LIMIT_MS);
  try {
    return (await read(folder, digest)) ?? (await train(python, script, folder, digest));
  } finally {
    await release();
  }
}

async function train(python: string, script: string, folder: string, digest: string): Promise<DemoData> {
  const beside = await mkdtemp(`${folder}-`);
  try {
    const result = await run(python, [script, beside], { timeoutMs: TRAINING_LIMIT_MS });
    if (result.code !== 0) throw notTrained(script, whyNot(result));
    await writeFile(join(beside, DIGEST), digest);
    await mkdir(folder, { recursive: true });
    // File by file, the digest last: another demo may be reading them.
    const files = (await readdir(beside)).filter((name) => name !== DIGEST);
    for (const name of [...files, DIGEST]) await rename(join(beside, name), join(folder, name));
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
  const made = await read(folder, digest);
  if (made === undefined) throw notTrained(script, `${folder} does not hold what it should.`);
  return made;
}

const DIGEST = 'digest';

async function read(folder: string, digest: string): Promise<DemoData | undefined> {
  const found = await readFile(join(folder, DIGEST), 'utf8').catch(() => undefined);
  if (found !== digest) return undefined;
  const report = await readJson(join(folder, 'report.json'), TrainingReport);
  const rows = await readJson(join(folder, 'rows.json'), Rows);
  return report === undefined || rows === undefined ? undefined : { report, rows };
}

function notTrained(script: string, why: string): EmbeddedError {
  return new EmbeddedError(
    [
      `The demo's models could not be trained: ${why}`,
      `Wanted: ${script} to write them with the model server's Python.`,
      'Run it by hand to see more, or delete the model server from the cache and run this again.',
    ].join('\n'),
  );
}
