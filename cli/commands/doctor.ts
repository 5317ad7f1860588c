import { checksText, exitOfChecks } from '../checks.js';
import { checkClock, checkFolders, checkNode, checkTools } from '../machine-checks.js';
import type { CommandFunction } from '../program.js';
import { checkDaemons, checkEncryption, checkTarget, checkTemporal } from '../service-checks.js';

export const doctor: CommandFunction = async (ctx) => {
  const [tools, folders, temporal, encryption, target, daemons] = await Promise.all([
    checkTools(),
    checkFolders(ctx.stateDir),
    checkTemporal(ctx),
    checkEncryption(ctx),
    checkTarget(ctx),
    checkDaemons(ctx),
  ]);
  const checks = [
    checkNode(process.version),
    ...tools,
    ...folders,
    checkClock(Date.now()),
    ...temporal,
    encryption,
    target,
    daemons,
  ];
  ctx.out.result(checksText(checks), {
    ready: exitOfChecks(checks) === 'ok',
    target: ctx.target,
    checks,
  });
  return exitOfChecks(checks);
};
