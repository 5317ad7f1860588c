import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createProgram } from '../../cli/program.js';
import { ensureModels } from '../../demo/models.js';
import { Load } from '../../demo/load.js';
import { packageRoot } from '../../embedded/package-root.js';
import { greenlight, type Told } from '../cli/cli.js';
import { blocksOf, commandsOf, filesOf, inlineCommandsOf, readPages, wordsOf } from './pages.js';

const pages = await readPages();
const blocks = [...pages].flatMap(([page, text]) => blocksOf(page, text));
const shell = blocks.filter(({ language }) => language === 'sh' || language === 'console');

/** Why a block is not run. Each page says it before the block, and only these will do. */
const NOT_RUN = [
  'it is what runs these tests, or runs as a test of its own',
  'the tests bring the command themselves',
  'it goes on until it is stopped',
  'it goes on until it is stopped; the tests send requests of their own',
  'it needs a Temporal cluster of your own',
  'it needs a Kubernetes cluster of your own',
  'it needs an Azure subscription',
  'it is a bench of minutes to hours',
  'it writes where only root may',
];

/** Commands that follow a rollout for minutes: they are left with Ctrl-C as soon as they have told something. */
const FOLLOWING = ['greenlight submit rollout-specs/diabetes-v2.yml --wait', 'greenlight watch diabetes'];

/** The pages whose commands need what an earlier one left behind, in this order; any others come in between. */
const FIRST = ['README.md', 'docs/seeing.md', 'docs/operations.md'];
const LAST = ['docs/guide.md'];

describe('commands that the docs name', () => {
  it('are of this program, with options that it has and wants', () => {
    const lines = [...pages].flatMap(([page, text]) =>
      inlineCommandsOf(text).map((line) => ({ page, line })),
    );

    expect(lines.length).toBeGreaterThan(20);
    expect(
      lines.flatMap(({ page, line }) => unknownIn(line).map((what) => `${page}: ${line}: ${what}`)),
    ).toEqual([]);
  });

  it('parse as they stand where they stand in a block', async () => {
    const lines = blocks
      .filter(({ language }) => language !== 'yaml')
      .flatMap((block) => commandsOf(block).map((line) => ({ at: `${block.page}:${block.line}`, line })))
      .filter(({ line }) => line.startsWith('greenlight '));
    const wrong = await Promise.all(
      lines.map(async ({ at, line }) => ({ at, line, why: await whyNotParsed(line) })),
    );

    expect(lines.length).toBeGreaterThan(40);
    expect(wrong.filter(({ why }) => why !== '')).toEqual([]);
  });

  it('are found when they are wrong', async () => {
    expect(unknownIn('greenlight statsu diabetes')).toEqual(['no command "statsu"']);
    expect(unknownIn('greenlight submit x.yml --wiat')).toEqual(['no option --wiat']);
    expect(unknownIn('greenlight drift diabetes --adopt')).toEqual(['--reason is missing']);
    expect(await whyNotParsed('greenlight abort diabetes')).toContain('--reason');
  });

  it('are run, or their block says why they are not', () => {
    const reasons = shell.flatMap(({ notRun }) => notRun ?? []);

    expect(reasons.filter((reason) => !NOT_RUN.includes(reason))).toEqual([]);
    expect(NOT_RUN.filter((reason) => !reasons.includes(reason))).toEqual([]);
    const all = shell.flatMap(commandsOf);
    expect(FOLLOWING.filter((line) => !all.includes(line))).toEqual([]);
  });
});

describe('every command in the docs that can run here', () => {
  const world = useWorld();
  const others = [...pages.keys()].filter((page) => ![...FIRST, ...LAST].includes(page));
  const runnable = [...FIRST, ...others, ...LAST]
    .map((page) => ({ page, own: shell.filter((block) => block.page === page && block.notRun === null) }))
    .filter(({ own }) => own.length > 0);

  it.each(runnable)('does so: $page', { timeout: 300_000 }, async ({ page, own }) => {
    for (const [path, text] of filesOf(blocks.filter((block) => block.page === page)))
      await world.write(path, text);
    for (const block of own) {
      for (const line of commandsOf(block)) {
        const { code, stdout, stderr } = await world.run(line);
        expect(code, `${page}:${block.line}: ${line}\n${stdout}\n${stderr}`).toBe(
          FOLLOWING.includes(line) ? 130 : 0,
        );
      }
    }
  });
});

/** A folder with the specs, models and all, in which a stack runs once a page has started it. */
function useWorld(): {
  write: (path: string, text: string) => Promise<void>;
  run: (line: string) => Promise<Told>;
} {
  const before = process.cwd();
  let folder = '';
  let load: Load | undefined;
  const env = () => ({
    ...process.env,
    GREENLIGHT_STATE: join(folder, 'state'),
    PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
  });

  beforeAll(async () => {
    await ensureModels(inject('modelServerPython'));
    folder = await mkdtemp(join(tmpdir(), 'greenlight-docs-'));
    await cp(join(packageRoot(), 'rollout-specs'), join(folder, 'rollout-specs'), { recursive: true });
    const program = join(folder, 'bin', 'greenlight');
    await mkdir(dirname(program));
    await writeFile(
      program,
      `#!/bin/sh\nexec "${process.execPath}" "${packageRoot()}/dist/cli/main.js" "$@"\n`,
    );
    await chmod(program, 0o755);
    process.chdir(folder);
  });

  afterAll(async () => {
    await load?.stop();
    await greenlight(['down'], { env: env() });
    process.chdir(before);
    await rm(folder, { recursive: true, force: true });
  });

  const run = async (line: string): Promise<Told> => {
    if (!line.startsWith('greenlight ')) return runInShell(line, folder, env());
    const stop = new AbortController();
    const onLine = FOLLOWING.includes(line) ? () => setTimeout(() => stop.abort(), 1_000).unref() : undefined;
    const told = await greenlight(wordsOf(line).slice(1), {
      env: env(),
      stop: stop.signal,
      ...(onLine === undefined ? {} : { onLine }),
    });
    // From now on clients ask it: without requests no gate could judge.
    if (told.code === 0 && line.startsWith('greenlight endpoint create fraud-scorer ')) {
      load = await clientsOf('fraud-scorer', env());
    }
    return told;
  };

  return {
    run,
    async write(path, text) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    },
  };
}

async function clientsOf(endpoint: string, env: NodeJS.ProcessEnv): Promise<Load> {
  const ask = async (what: string): Promise<Record<string, string>> =>
    JSON.parse(
      (await greenlight(['endpoint', what, endpoint, '--output', 'json'], { env })).stdout,
    ) as Record<string, string>;
  const [{ scoringUri = '' }, { primary = '' }] = await Promise.all([ask('show'), ask('keys')]);
  return new Load({
    scoringUri,
    key: primary,
    rows: [[0.3, 12.5]],
    perSecond: 60,
    atMost: 60 * 600,
    onAnswer: () => {},
  });
}

async function runInShell(line: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Told> {
  try {
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', line], { cwd, env });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Told;
    return { code, stdout, stderr };
  }
}

/** What a command line names that the program does not have, or lacks that it wants. */
function unknownIn(line: string): string[] {
  const program = createProgram('0', () => Promise.resolve());
  let command: Command = program;
  const [, ...words] = wordsOf(line);
  for (const word of words) {
    if (command.commands.length === 0 || word.startsWith('-')) break;
    const next = command.commands.find((one) => one.name() === word);
    // "endpoint …" speaks of all of them.
    if (next === undefined) return /^\w/.test(word) && word !== 'help' ? [`no command "${word}"`] : [];
    command = next;
  }
  const known = [program, command].flatMap(({ options }) =>
    options.flatMap(({ long, short }) => [long, short]),
  );
  const named = words.filter((word) => /^--?\w/.test(word)).map((word) => word.split('=')[0] ?? '');
  // Where a command is only spoken of, nothing is given to it.
  const missing = named.some((option) => option !== '--help')
    ? command.options.filter(({ mandatory, long }) => mandatory && !named.includes(long ?? ''))
    : [];
  return [
    ...named
      .filter((option) => !known.includes(option) && !['--help', '-h'].includes(option))
      .map((option) => `no option ${option}`),
    ...missing.map(({ long }) => `${long} is missing`),
  ];
}

/** What the program says against a command line; empty when it takes it. Nothing is run. */
async function whyNotParsed(line: string): Promise<string> {
  const program = createProgram('0', () => Promise.resolve());
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  }
  try {
    await program.parseAsync(wordsOf(line).slice(1), { from: 'user' });
    return '';
  } catch (error) {
    return error instanceof Error &&
      !['commander.helpDisplayed', 'commander.version'].includes((error as { code?: string }).code ?? '')
      ? error.message
      : '';
  }
}
