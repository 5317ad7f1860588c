import { access, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { endpointArgument } from '../../core/command-text.js';
import { sumShares, trafficText } from '../../core/traffic.js';
import { openEndpoints } from '../endpoints.js';
import { CliError } from '../errors.js';
import { initialFiles } from '../init-spec.js';
import type { CommandFunction } from '../program.js';

/** Writes a commented spec for an endpoint, and a deployment file to fill in where none is given. */
export const init: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { file = `${endpoint}-rollout.yml`, deployment } = options as { file?: string; deployment?: string };
  const found = await (await openEndpoints(ctx)).read(endpoint);
  const deploymentPath = resolve(deployment ?? join(dirname(file), `${endpoint}-deployment.yml`));
  const deploymentFile = relative(dirname(resolve(file)), deploymentPath);
  if (deploymentFile.startsWith(`..${sep}`)) {
    throw new CliError(
      'refused',
      `${deploymentPath} is not in the folder of ${resolve(file)}, and a spec can name only what is. Write the spec beside it or above with --file, or name another one with --deployment.`,
    );
  }
  const files = initialFiles(found, { target: ctx.target, deploymentFile: `./${deploymentFile}` });
  if (files === undefined) {
    // Nobody can be given what no rule leads to.
    const why = sumShares(found.traffic.live) === 0 ? found.error : undefined;
    const on = endpointArgument({ target: ctx.target, endpoint });
    throw new CliError(
      'refused',
      `No deployment of ${endpoint} holds all live traffic (${trafficText(found.traffic)}), so there is no baseline to compare with.\n` +
        (why ?? `Give it to one with \`greenlight revert ${on} --to DEPLOYMENT\`, and run this again.`),
    );
  }
  const wanted: readonly (readonly [string, string, string])[] = [
    [resolve(file), files.spec, 'Name another one with --file.'],
    ...(deployment === undefined
      ? [[deploymentPath, files.deployment, 'Give it with --deployment if it is the new version.'] as const]
      : []),
  ];
  for (const [path, , advice] of wanted) await refuseTaken(path, advice);
  for (const [path, text] of wanted) await writeFile(path, text, { flag: 'wx' });
  const written = wanted.map(([path]) => path);
  ctx.out.result(
    [
      ...written.map((path) => `wrote ${path}`),
      ...(deployment === undefined ? [`Say in ${deploymentPath} what the new version is.`] : []),
      `Then: greenlight validate ${file}, greenlight plan ${file}, greenlight submit ${file} --wait`,
    ].join('\n'),
    { endpoint, baseline: files.baseline, spec: resolve(file), deployment: deploymentPath, written },
  );
  return 'ok';
};

/** All or nothing: no file is written beside one that is refused. */
async function refuseTaken(path: string, advice: string): Promise<void> {
  const taken = await access(path).then(
    () => true,
    () => false,
  );
  if (taken) {
    throw new CliError('refused', `${path} exists already, and is not overwritten. ${advice}`);
  }
}
