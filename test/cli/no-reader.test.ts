import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { withoutReader } from '../../cli/no-reader.js';

function pipe() {
  const stdout = new EventEmitter();
  const exits: number[] = [];
  const command = withoutReader(stdout, (code) => exits.push(code));
  const fail = (code: string) => stdout.emit('error', Object.assign(new Error(code), { code }));
  return { command, exits, fail };
}

it('lets a command end by itself, with its own exit code, when nobody reads it', () => {
  const { exits, fail } = pipe();

  fail('EPIPE');

  expect(exits).toEqual([]);
});

it('ends a command that waits as interrupted, and never as promoted', () => {
  const { command, exits, fail } = pipe();

  command.waits();
  fail('EPIPE');

  expect(exits).toEqual([130]);
});

it('hides no other fault of the output', () => {
  expect(() => pipe().fail('ENOSPC')).toThrow('ENOSPC');
});
