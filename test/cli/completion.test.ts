import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../cli/completion.js';
import { createProgram } from '../../cli/program.js';
import { onPath } from '../support/on-path.js';
import { greenlight } from './cli.js';

const program = createProgram('', () => Promise.resolve());

/** What bash offers after these words; the last one is the one being typed. */
function offered(...words: readonly string[]): readonly string[] {
  const script = [
    completionScript(program, 'bash'),
    `COMP_WORDS=(greenlight ${words.map((word) => `'${word}'`).join(' ')})`,
    `COMP_CWORD=${words.length}`,
    '_greenlight',
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join('\n');
  const { stdout, stderr } = spawnSync('bash', ['--norc'], { input: script, encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

describe.skipIf(onPath('bash') === undefined)('in bash (needs bash on the PATH)', () => {
  it.each`
    typed                                         | then
    ${['sta']}                                    | ${['status']}
    ${['endpoint', 'cr']}                         | ${['create']}
    ${['submit', 'rollout.yaml', '--wa']}         | ${['--wait']}
    ${['--output', 'json', 'abort', 'x', '--re']} | ${['--reason', '--request-id']}
    ${['endpoint', 'create', 'x', '--dep']}       | ${['--deployment']}
    ${['status', 'list', '--wa']}                 | ${['--wait']}
    ${['submit', 'roll']}                         | ${[]}
  `('$typed: $then', ({ typed, then }: { typed: string[]; then: string[] }) => {
    expect(offered(...typed)).toEqual(then);
  });

  it('every command is offered', () => {
    expect(offered('')).toEqual(expect.arrayContaining(program.commands.map((command) => command.name())));
  });
});

describe('the scripts', () => {
  it('of fish names every command with its summary', () => {
    const script = completionScript(program, 'fish');

    for (const command of program.commands) expect(script).toContain(`-a '${command.name()}' -d '`);
    expect(script).toContain("__fish_seen_subcommand_from submit' -l wait");
  });

  it('of zsh are those of bash', () => {
    expect(completionScript(program, 'zsh')).toContain('bashcompinit\n# greenlight completion');
  });

  it('are printed, and no other shell is known', async () => {
    expect((await greenlight(['completion', 'bash'])).stdout).toContain('complete -o default -F _greenlight');
    expect((await greenlight(['completion', 'tcsh'])).code).toBe(2);
  });
});
