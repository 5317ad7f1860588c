import { access, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { endpointArgument } from '../../core/command-text.js';
import { trafficText } from '../../core/traffic.js';
import { openEndpoints } from '../endpoints.js';
import { CliError } from '../errors.js';
import { initialFiles } from '../init-spec.js';
import type { CommandFunction } from '../program.js';

/** Writes a commented spec for an endpoint, and a deployment file to fill in where none is given. */
export const init: CommandFunction = async (ctx, [endpoint = ''], options) => {
  const { file = `${endpoint}-rollout.yml`, deployment } = options as { file?: string; deployment?: string };
  const found = await (await openEndpoints(ctx)).read(endpoint);
  const deploymentPath = resolve(deployment ?? join(dirname(file), `${endpoint}-deployment.yml`));
  const files = initialFiles(found, {
    target: ctx.target,
    deploymentFile: `./${relative(dirname(resolve(file)), deploymentPath)}`.replace('./../', '../'),
  });
  if (files === undefined) {
    throw new CliError(
      'refused',
      `No deployment of ${endpoint} holds all live traffic (${trafficText(found.traffic)}), so there is no baseline to compare with.\n` +
        `Give it to one with \`greenlight revert ${endpointArgument({ target: ctx.target, endpoint })} --to DEPLOYMENT\`, and run this again.`,
    );
  }
  const wanted: readonly (readonly [string, string])[] = [
    [resolve(file), files.spec],
    ...(deployment === undefined ? [[deploymentPath, files.deployment] as const] : []),
  ];
  for (const [path] of wanted) await refuseTaken(path);
  for (const [path, text] of wanted) await writeFile(path, text, { flag: 'wx' });
  const written = wanted.map(([path]) => path);
  ctx.out.result(
    [
      ...written.map((path) => `wrote ${path}`),
      ...(deployment === undefined ? [`Say in ${deploymentPath} what the new version is.`] : []),
      `Then: greenlight validate ${file}, greenlight submit ${file} --wait`,
    ].join('\n'),
    { endpoint, baseline: files.baseline, spec: resolve(file), deployment: deploymentPath, written },
  );
  return 'ok';
};

/** All or nothing: no file is written beside one that is refused. */
async function refuseTaken(path: string): Promise<void> {
  const taken = await access(path).then(
    () => true,
    () => false,
  );
  if (taken) {
    throw new CliError(
      'refused',
      `${path} exists already, and is not overwritten. Name another one with --file.`,
    );
  }
}
