import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { Page } from 'playwright-core';
import type { Told } from '../cli/cli.js';
import { useCliBench } from '../cli/cli-bench.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CHROMIUM, useTab } from './browser.js';

// What a person reads in Temporal's own UI, in a real browser: in the list, on a workflow's page and in its history.

const RAMP = (percent: number, times: string): string => `ramp: ${percent}%\n    for: ${times}`;
const STATES = {
  running: ['create', RAMP(10, '1h .. 2h'), 'cutover'],
  waiting: ['create', RAMP(25, '1s .. 20s'), 'approve: { within: 1h }', 'cutover'],
  promoted: ['create', RAMP(50, '1s .. 20s'), 'cutover', 'delete-baseline'],
  bad: ['create', RAMP(50, '1s .. 20s'), 'cutover'],
} as const;
type State = keyof typeof STATES;

/** The UI keeps a person's columns in the browser: these are the ones that docs/seeing.md tells to choose. */
const COLUMNS = [
  'Status',
  'RolloutEndpoint',
  'RolloutTarget',
  'RolloutPhase',
  'RolloutOutcome',
  'RolloutGreenShare',
  'Start',
];

describe.skipIf(CHROMIUM === undefined)("Temporal's UI (needs chromium on the PATH)", () => {
  const bench = useCliBench();
  const tab = useTab(chooseColumns);
  const runs = new Map<State, { readonly workflowId: string; readonly runId: string }>();

  async function chooseColumns(page: Page): Promise<void> {
    const columns = { [bench.namespace]: COLUMNS.map((label) => ({ label })) };
    // As text: the tests know no browser's types.
    await page.addInitScript(
      `localStorage.setItem('namespace-workflow-table-columns', ${JSON.stringify(JSON.stringify(columns))})`,
    );
  }

  function on(workspace: State, args: readonly string[]): Promise<Told> {
    return bench.on(workspace, [...args, '--output', 'json']);
  }

  /** As `status` tells it: a phase while it runs, an outcome when it is over. */
  async function where(workspace: State): Promise<unknown> {
    const { phase, outcome } = JSON.parse((await on(workspace, ['status', 'diabetes'])).stdout) as {
      readonly phase?: string;
      readonly outcome?: string;
    };
    return outcome ?? phase;
  }

  /** For docs/images: `GREENLIGHT_SCREENSHOTS=docs/images npm test -- test/ui`. */
  async function keepScreenshot(name: string): Promise<void> {
    const folder = process.env['GREENLIGHT_SCREENSHOTS'];
    if (folder !== undefined) {
      // Down to where paths of the machine that made it would show.
      const clip = { x: 0, y: 0, width: 1280, height: 735 };
      await tab.page.screenshot({ path: join(folder, name), clip });
    }
  }

  const namespacePage = (): string => `${inject('temporalUi')}/namespaces/${bench.namespace}/workflows`;
  const pageOf = (workspace: State, name: string): string => {
    const { workflowId = '', runId = '' } = runs.get(workspace) ?? {};
    return `${namespacePage()}/${encodeURIComponent(workflowId)}/${runId}/${name}`;
  };

  beforeAll(async () => {
    for (const [workspace, steps] of Object.entries(STATES) as [State, readonly string[]][]) {
      const target = new MemoryTarget();
      if (workspace === 'bad') target.behaviour.set('green', { errors: 0.5, slow: 0 });
      bench.targets.set(workspace, target);
      const spec = await bench.spec(workspace, steps);
      const told = await on(workspace, ['submit', spec, '--by', 'ada']);
      runs.set(workspace, JSON.parse(told.stdout) as { workflowId: string; runId: string });
    }
    for (const [workspace, wanted] of [
      ['running', 'ramping'],
      ['waiting', 'waiting-for-approval'],
      ['promoted', 'promoted'],
      ['bad', 'rolled-back'],
    ] as const) {
      await vi.waitFor(async () => expect(await where(workspace)).toBe(wanted), {
        timeout: 60_000,
        interval: 250,
      });
    }
  });

  it('lists rollouts by endpoint, target, phase, outcome and share of green', async () => {
    await tab.open(`${namespacePage()}?query=${encodeURIComponent("WorkflowType = 'rollout'")}`);

    await tab.says(
      'Status RolloutEndpoint RolloutTarget RolloutPhase RolloutOutcome RolloutGreenShare Start',
      'Running diabetes host/running ramping',
      'Running diabetes host/waiting waiting-for-approval',
      'Completed diabetes host/promoted finished promoted 100',
      'Failed diabetes host/bad finished rolled-back 0',
    );
    await keepScreenshot('list.png');
  });

  it('shows a running one: what it is, where it stands, what comes next and what can be done', async () => {
    await tab.open(pageOf('running', 'user-metadata'));

    await tab.says(
      'diabetes: whoever serves now → green, 3 steps',
      'wrong rollback at most 1%, over the whole rollout',
      'Phase ramping',
      'Step 2 of 3: ramp 10 %',
      'Traffic blue 90 %, green 10 %',
      'Next cutover, as soon as every required gate is proven',
      'greenlight abort diabetes --target host/running --reason …',
    );
  });

  it('shows the newest evidence of a running one in the heartbeat of its watch', async () => {
    await tab.open(pageOf('running', 'pending-activities'));

    await tab.says(
      'Last Heartbeat',
      '"sentence": "all gates are content after ',
      '"standing": "open"',
      '"limit": "at most 50%"',
    );
  });

  it('tells the history of a running one in words', async () => {
    await tab.open(pageOf('running', 'history'));

    await tab.says(
      'preflight • check endpoint, baseline, name and metrics; changes nothing',
      'createDeployment • create green and wait until it is ready',
      'setTraffic • set traffic: blue 90 %, green 10 %',
      'watch • watch green: ramp 10 %',
    );
  });

  it('shows one that waits for approval: the verdict with numbers, until when, and how to say yes or no', async () => {
    await tab.open(pageOf('waiting', 'user-metadata'));

    await tab.says(
      'Phase waiting-for-approval',
      'Step 3 of 4: approve',
      'Verdict errors proven: green answered 0 of ',
      'Next cutover, once approved (until ',
      '✓ ramp 25 %: errors proven',
      'greenlight approve diabetes --target host/waiting',
      'greenlight reject diabetes --target host/waiting --reason …',
    );
    await keepScreenshot('waiting.png');
  });

  it('tells the history of one that waits: it is being watched meanwhile', async () => {
    await tab.open(pageOf('waiting', 'history'));

    await tab.says(
      'setTraffic • set traffic: blue 75 %, green 25 %',
      'watch • watch green: approve (guarding)',
    );
  });

  it('shows a promoted one: its outcome and steps in the result, its steps in the history', async () => {
    await tab.open(pageOf('promoted', 'history'));

    await tab.says(
      'Completed rollout/host/promoted/diabetes',
      '"outcome": "promoted"',
      '"reason": "diabetes is served by green"',
      'setTraffic • set traffic: green 100 %',
      'deleteDeployment • drain and delete blue',
    );
    await tab.open(pageOf('promoted', 'user-metadata'));
    await tab.says('Step all done', '✓ cutover', '✓ delete-baseline: blue is gone');
  });

  it('shows one that was rolled back: red, with the verdict in its failure, and the way back in its history', async () => {
    await tab.open(pageOf('bad', 'history'));

    await tab.says(
      'Failed rollout/host/bad/diabetes',
      '"message": "diabetes is back at blue 100 % (read back): green answered ',
      'a healthy green (at most 2 pp more than blue) does worse than this less than once in ',
      '"type": "RolledBack"',
      'setTraffic • roll back traffic: blue 100 %',
      'deleteDeployment • roll back: delete green',
    );
    await tab.open(pageOf('bad', 'user-metadata'));
    await tab.says('✗ ramp 50 %: green answered ', 'Traffic blue 100 %');
  });

  it('says who submitted what', async () => {
    await tab.open(pageOf('bad', 'memo'));

    await tab.says('ada', 'bad.yml');
  });
});
