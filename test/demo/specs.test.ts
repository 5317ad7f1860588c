import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, inject } from 'vitest';
import { type DemoData, ensureModels, specFolder } from '../../demo/models.js';
import { loadSpec } from '../../spec/index.js';

let data: DemoData;

beforeAll(async () => {
  data = await ensureModels(inject('modelServerPython'));
});

describe('the specs in rollout-specs/', () => {
  it('are all good as they stand, without a warning', async () => {
    const files = (await readdir(specFolder())).filter((name) => name.endsWith('.yml'));
    const loaded = await Promise.all(files.map((name) => loadSpec(join(specFolder(), name))));

    expect(files).toEqual(['diabetes-v2.yml', 'diabetes-v3.yml', 'standard.yml', 'two-lines.yml']);
    expect(loaded.flatMap((one) => (one.ok ? one.warnings : one.problems))).toEqual([]);
  });

  it('of the demo use the same gates and the same watching for the good version and for the bad one', async () => {
    const [good, bad] = await Promise.all(
      ['v2', 'v3'].map((v) => loadSpec(join(specFolder(), `diabetes-${v}.yml`))),
    );

    expect(good?.ok && good.plan.gates).toEqual(bad?.ok && bad.plan.gates);
    expect(good?.ok && good.plan.watching).toEqual(bad?.ok && bad.plan.watching);
  });
});

describe('the models of the demo', () => {
  it('are better in v2 than in v1 on rows that none of them has seen', () => {
    expect(data.report['v2']?.testRmse).toBeLessThan(data.report['v1']?.testRmse ?? 0);
    expect(data.rows).toHaveLength(111);
  });
});
