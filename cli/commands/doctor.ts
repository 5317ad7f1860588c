import { checksText, exitOfChecks } from '../checks.js';
import { checkTarget } from '../endpoint-checks.js';
import { checkClock, checkFolders, checkNode, checkRoom, checkTools } from '../machine-checks.js';
import { checkPorts } from '../port-checks.js';
import type { CommandFunction } from '../program.js';
import { checkRights } from '../rights-checks.js';
import { checkDaemons, checkEncryption, checkPrometheus, checkTemporal } from '../service-checks.js';

export const doctor: CommandFunction = async (ctx, [endpoint]) => {
  const [tools, folders, room, temporal, encryption, rights, target, prometheus, daemons, ports] =
    await Promise.all([
      checkTools(ctx.target.kind, ctx.env),
      checkFolders(ctx.stateDir),
      checkRoom(ctx.stateDir),
      checkTemporal(ctx),
      checkEncryption(ctx),
      checkRights(ctx),
      checkTarget(ctx, endpoint),
      checkPrometheus(ctx.env),
      checkDaemons(ctx),
      checkPorts(ctx.stateDir),
    ]);
  const checks = [
    checkNode(process.version),
    ...tools,
    ...folders,
    room,
    checkClock(Date.now()),
    ...temporal,
    encryption,
    ...rights,
    ...target,
    ...prometheus,
    daemons,
    ports,
  ];
  ctx.out.result(checksText(checks), {
    ready: exitOfChecks(checks) === 'ok',
    target: ctx.target,
    checks,
  });
  return exitOfChecks(checks);
};
