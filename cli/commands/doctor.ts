import { checksText, exitOfChecks } from '../checks.js';
import { checkClock, checkFolders, checkNode, checkTools } from '../machine-checks.js';
import type { CommandFunction } from '../program.js';
import {
  checkDaemons,
  checkEncryption,
  checkPrometheus,
  checkTarget,
  checkTemporal,
} from '../service-checks.js';

export const doctor: CommandFunction = async (ctx) => {
  const [tools, folders, temporal, encryption, target, prometheus, daemons] = await Promise.all([
    checkTools(),
    checkFolders(ctx.stateDir),
    checkTemporal(ctx),
    checkEncryption(ctx),
    checkTarget(ctx),
    checkPrometheus(process.env),
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
    ...prometheus,
    daemons,
  ];
  ctx.out.result(checksText(checks), {
    ready: exitOfChecks(checks) === 'ok',
    target: ctx.target,
    checks,
  });
  return exitOfChecks(checks);
};
