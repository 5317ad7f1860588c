import { styleText } from 'node:util';

type Stream = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean };

/** Tells the story, line by line, to people: with colours on a terminal, plain elsewhere. */
export class Teller {
  readonly #stream: Stream;
  readonly #colours: boolean;

  constructor(stream: Stream, env: NodeJS.ProcessEnv = process.env) {
    this.#stream = stream;
    this.#colours = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  }

  chapter(title: string): void {
    this.#write(`\n${this.#paint('bold', title)}`);
  }

  /** What was typed, could one have seen it. */
  command(args: readonly string[]): void {
    this.#write(this.#paint('cyan', `$ greenlight ${args.join(' ')}`));
  }

  /** What Greenlight says. */
  event(line: string): void {
    const colour = /^\S*\s*(✓|PROMOTED)/.test(line)
      ? 'green'
      : /(✗|ROLLED BACK|breach)/.test(line)
        ? 'red'
        : null;
    this.#write(`  ${colour === null ? line : this.#paint(colour, line)}`);
  }

  /** What clients see meanwhile. */
  clients(line: string, bad: boolean): void {
    this.#write(`  ${this.#paint(bad ? 'yellow' : 'dim', line)}`);
  }

  plain(line: string): void {
    this.#write(line === '' ? '' : `  ${line}`);
  }

  good(line: string): void {
    this.#write(this.#paint('green', line));
  }

  bad(line: string): void {
    this.#write(this.#paint('red', line));
  }

  #paint(style: Parameters<typeof styleText>[0], text: string): string {
    return this.#colours ? styleText(style, text) : text;
  }

  #write(line: string): void {
    this.#stream.write(`${line}\n`);
  }
}
