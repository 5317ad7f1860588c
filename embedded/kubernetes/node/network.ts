import { EmbeddedError } from '../../errors.js';
import { run, whyNot } from '../../run.js';

/** Where `ip netns` keeps the names; nsenter takes them as files. */
const NAMES = '/run/netns';

/** A pod's own network: one address on the bed's bridge. */
export interface PodNetwork {
  readonly address: string;
  /** What to put before a command that shall run in it. */
  readonly enter: readonly string[];
  remove(): Promise<void>;
}

let made = 1;

/** @throws {EmbeddedError} when the kernel does not make it. */
export async function makePodNetwork(): Promise<PodNetwork> {
  const number = ++made;
  const name = `pod${number}`;
  const address = `10.244.${Math.floor(number / 250)}.${(number % 250) + 2}`;
  const outside = ['link', 'add', `veth${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name];
  const commands: readonly (readonly string[])[] = [
    ['netns', 'add', name],
    outside,
    ['link', 'set', `veth${number}`, 'master', 'bed0', 'up'],
    ['-n', name, 'address', 'add', `${address}/16`, 'dev', 'eth0'],
    ['-n', name, 'link', 'set', 'eth0', 'up'],
    ['-n', name, 'link', 'set', 'lo', 'up'],
  ];
  for (const command of commands) {
    const result = await run('ip', command, { timeoutMs: 10_000 });
    if (result.code !== 0) {
      throw new EmbeddedError(`A pod got no network: \`ip ${command.join(' ')}\`: ${whyNot(result)}`);
    }
  }
  return {
    address,
    enter: ['nsenter', `--net=${NAMES}/${name}`, '--'],
    remove: async () => {
      await run('ip', ['netns', 'delete', name], { timeoutMs: 10_000 });
    },
  };
}
