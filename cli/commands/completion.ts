import { completionScript, type Shell } from '../completion.js';
import { createProgram, type CommandFunction } from '../program.js';

/** Prints the completion script of a shell. */
export const completion: CommandFunction = async (ctx, [shell = 'bash']) => {
  const script = completionScript(
    createProgram('', () => Promise.resolve()),
    shell as Shell,
  );
  ctx.out.result(script.trimEnd(), { shell, script });
  return 'ok';
};
