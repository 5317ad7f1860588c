import { readlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { vi } from 'vitest';

/** Files and folders of which the disk has been given all, from now until mocks are restored. */
export async function watchSyncs(): Promise<ReadonlySet<string>> {
  const synced = new Set<string>();
  const any = await open('/dev/null');
  const prototype = Object.getPrototypeOf(any) as FileHandle;
  await any.close();
  const { sync } = prototype;
  vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    await sync.call(this);
    synced.add(readlinkSync(`/proc/self/fd/${this.fd}`));
  });
  return synced;
}
