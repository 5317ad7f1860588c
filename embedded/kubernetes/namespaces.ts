import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { EmbeddedError } from '../errors.js';
import { packageRoot } from '../package-root.js';
import { run, whyNot } from '../run.js';

/** Set inside: where the bed may be started. */
export const INSIDE = 'GREENLIGHT_TEST_BED';
const ENTER = join(packageRoot(), 'embedded', 'kubernetes', 'enter.sh');

/** @returns why this machine gives no such namespaces as {@link runInNamespaces} wants; undefined where it does. */
export async function whyNoNamespaces(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `it runs ${process.platform}`;
  const check = await run('sh', [ENTER, 'true'], { timeoutMs: 30_000 });
  return check.code === 0 ? undefined : whyNot(check);
}

/**
 * Runs a program in network, process and mount namespaces of its own, and gives its exit code.
 *
 * Inside, every port is free and pods have addresses of their own; when the program ends, or is killed, the kernel ends
 * whatever it started, so that nothing can be left. The file system is this machine's, but for an empty `/run` and a
 * `/certs`, where Envoy Gateway looks for its keys. Nothing outside can be reached over the network.
 *
 * @throws {EmbeddedError} where the kernel gives no such namespaces.
 */
export async function runInNamespaces(command: string, args: readonly string[]): Promise<number> {
  const why = await whyNoNamespaces();
  if (why !== undefined) {
    throw new EmbeddedError(
      [
        `This machine gives no namespaces for the Kubernetes test bed: ${why}`,
        'Wanted: Linux with `unshare` (util-linux) and `ip` (iproute2), as root or with user namespaces for everyone.',
        'Install them, and run this again as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1; on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0).',
      ].join('\n'),
    );
  }
  const child = spawn('sh', [ENTER, command, ...args], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: '1' },
  });
  // `unshare` ignores all others while it waits; the kernel then ends what it started.
  const passOn = () => child.kill('SIGKILL');
  process.on('SIGTERM', passOn);
  process.on('SIGHUP', passOn);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    process.off('SIGTERM', passOn);
    process.off('SIGHUP', passOn);
  }
}
