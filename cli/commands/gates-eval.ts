import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { evaluate, parseEvalInput } from '../../core/gates/index.js';
import { detailsOf } from '../../client/errors.js';
import { CliError } from '../errors.js';
import type { CommandFunction } from '../program.js';

/** Numbers that others can check (gates.md 9): the same code as a rollout's, on given looks. Always JSON. */
export const gatesEval: CommandFunction = async (ctx, [file = '-']) => {
  const parsed = parseEvalInput(parseJson(await read(file), file));
  if (!parsed.ok)
    throw new CliError('usage', `${nameOf(file)} cannot be evaluated:\n${parsed.problems.join('\n')}`);
  const results = evaluate(parsed.input);
  ctx.out.result(JSON.stringify(results), results);
  return 'ok';
};

async function read(file: string): Promise<string> {
  if (file === '-') return text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError(
      'usage',
      `${file} cannot be read: ${detailsOf(error)}\nExpected a JSON file, or - for standard input.`,
    );
  }
}

function parseJson(content: string, file: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw new CliError(
      'usage',
      `${nameOf(file)} is not JSON: ${detailsOf(error)}\nExpected one object {config, looks}.`,
    );
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'Standard input' : file;
}
