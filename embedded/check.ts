import { run, whyNot } from './run.js';

/**
 * What a look at a program came to. `wrong`: it ran to its end and said so itself, or is none that could run here.
 * `unanswered`: it did not get to answer (out of time, ended by a signal, no memory), which says nothing about the next
 * look.
 */
export type Check =
  { readonly is: 'good' } | { readonly is: 'missing' | 'wrong' | 'unanswered'; readonly why: string };

/** What shells and loaders end with that find no program in the file, or not the libraries that it was made for. */
const UNFIT = [126, 127];

/** @param judge - looks at what it wrote. @returns why that is not what is wanted. */
export async function checkProgram(
  executable: string,
  args: readonly string[],
  timeoutMs: number,
  judge: (output: string) => string | undefined,
): Promise<Check> {
  const result = await run(executable, args, { timeoutMs });
  if (result.problem?.includes('ENOENT') === true) return { is: 'missing', why: whyNot(result) };
  const unfit = result.problem?.includes('EACCES') === true || UNFIT.includes(result.code ?? 0);
  if (unfit) return { is: 'wrong', why: whyNot(result) };
  if (result.code !== 0) return { is: 'unanswered', why: whyNot(result) };
  const why = judge(result.output);
  return why === undefined ? { is: 'good' } : { is: 'wrong', why };
}
