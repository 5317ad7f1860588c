import { expect, it } from 'vitest';
import { terminalOf } from '../../cli/terminal.js';

const TTY = { isTTY: true } as never;
const PIPE = {} as never;

it.each`
  who                          | stdin   | stdout  | env                  | live
  ${'a person'}                | ${TTY}  | ${TTY}  | ${{ TERM: 'xterm' }} | ${{ colour: true }}
  ${'a person without colour'} | ${TTY}  | ${TTY}  | ${{ NO_COLOR: '1' }} | ${{ colour: false }}
  ${'an empty NO_COLOR'}       | ${TTY}  | ${TTY}  | ${{ NO_COLOR: '' }}  | ${{ colour: true }}
  ${'a pipe behind it'}        | ${TTY}  | ${PIPE} | ${{}}                | ${null}
  ${'nobody who types'}        | ${PIPE} | ${TTY}  | ${{}}                | ${null}
  ${'a CI job'}                | ${TTY}  | ${TTY}  | ${{ CI: 'true' }}    | ${null}
  ${'a dumb terminal'}         | ${TTY}  | ${TTY}  | ${{ TERM: 'dumb' }}  | ${null}
`('$who is shown: $live', ({ stdin, stdout, env, live }: Row) => {
  const found = terminalOf({ stdin, stdout, env } as never);

  if (live === null) expect(found).toBeNull();
  else expect(found).toMatchObject(live);
});

interface Row {
  readonly stdin: object;
  readonly stdout: object;
  readonly env: object;
  readonly live: object | null;
}
