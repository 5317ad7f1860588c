import { z } from 'zod';
import type { NotifyChannel } from '../core/notification.js';
import { compileChannels } from './compile-notify.js';
import { hidingSecrets, type Problem } from './problem.js';
import { readYaml } from './read-yaml.js';
import { check } from './schema/check.js';
import { Channels } from './schema/notify.js';

export type LoadedChannels =
  | { readonly ok: true; readonly channels: readonly NotifyChannel[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a worker's own list of channels: a file with `notify:`, as in a spec. */
export async function loadChannels(file: string): Promise<LoadedChannels> {
  const reading = await readYaml(file, file, 'spec');
  if (!reading.source) return { ok: false, problems: reading.problems };
  const form = z.strictObject({ notify: Channels });
  const { value, problems } = check(reading.source, form, reading.source.value, []);
  const all = hidingSecrets([...reading.problems, ...problems]);
  if (value === undefined || all.some(({ severity }) => severity === 'error'))
    return { ok: false, problems: all };
  return { ok: true, channels: compileChannels(value.notify, "the worker's notify") };
}
