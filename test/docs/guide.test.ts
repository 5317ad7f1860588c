import { afterEach, beforeEach, expect, it } from 'vitest';
import { forecastPlan } from '../../core/gates/index.js';
import { loadSpec, renderProblems } from '../../spec/index.js';
import { Folder } from '../spec/folder.js';
import { blocksOf, filesOf, readPages } from './pages.js';

const PAGE = 'docs/guide.md';

let folder: Folder;
beforeEach(async () => {
  folder = await Folder.make();
});
afterEach(() => folder.remove());

it.each`
  file                     | rps   | because
  ${'fraud/rehearsal.yml'} | ${10} | ${'the requests of a slow machine'}
  ${'fraud/rehearsal.yml'} | ${20} | ${'those of the loop that the page shows'}
  ${'fraud/rehearsal.yml'} | ${60} | ${'those that the tests send'}
  ${'fraud/azure.yml'}     | ${3}  | ${'the fewest with which the page sends somebody to Azure'}
  ${'fraud/azure.yml'}     | ${10} | ${'what the page forecasts it at'}
`(
  'every gate of $file in the guide can decide at $rps requests a second, $because',
  async ({ file, rps }: { file: string; rps: number }) => {
    const page = (await readPages()).get(PAGE) ?? '';
    await folder.write({
      ...Object.fromEntries(filesOf(blocksOf(PAGE, page))),
      // What the page has the shell write.
      'fraud/model-2/weights.json': '[0.25, 0.001]',
      'fraud/sample-request.json': '{ "data": [[0.3, 12.5]] }',
    });

    const loaded = await loadSpec(folder.at(file));

    if (!loaded.ok) throw new Error(renderProblems(loaded.problems));
    expect(forecastPlan(loaded.plan, { rps, baseline: null, edgesMs: [] }).problems).toEqual([]);
  },
);
