import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  hasCode,
  makeFolder,
  namesIn,
  readTextIfThere,
  removeUnfinished,
  sync,
  writeFileAtomic,
} from '../state/atomic.js';

/** A name that no blob can have; the message is for the caller. */
export class BadBlobName extends Error {
  override readonly name = 'BadBlobName';
}

export interface BlobFacts {
  readonly bytes: number;
  readonly modifiedAt: Date;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Uploaded files: a folder per container, in which blobs lie under their own names, so that what a client uploads as a
 * folder is one here too. What else belongs to a blob (metadata, blocks of a large one) lies beside, out of that folder.
 */
export class BlobStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Where a container's blobs lie. */
  folder(account: string, container: string): string {
    return join(this.#root, segment(account), segment(container), 'files');
  }

  /** @throws {BadBlobName} */
  path(account: string, container: string, blob: string): string {
    return join(this.folder(account, container), ...blob.split('/').map(segment));
  }

  /** Removes what an earlier host was writing when it was killed. */
  async removeUnfinished(): Promise<void> {
    for (const account of await namesIn(this.#root)) {
      for (const container of await namesIn(join(this.#root, account))) {
        const folder = join(this.#root, account, container);
        await rm(join(folder, 'parts'), { recursive: true, force: true });
        await removeUnfinished(join(folder, 'metadata'));
      }
    }
  }

  async put(
    account: string,
    container: string,
    blob: string,
    body: Readable,
    metadata: Record<string, string>,
  ): Promise<void> {
    const path = this.path(account, container, blob);
    await this.#write(account, container, path, async (file) =>
      pipeline(body, createWriteStream(file, { mode: 0o600 })),
    );
    await this.setMetadata(account, container, blob, metadata);
  }

  /** One part of a large blob; it becomes part of it with {@link putBlockList}. */
  async putBlock(
    account: string,
    container: string,
    blob: string,
    block: string,
    body: Readable,
  ): Promise<void> {
    const path = this.#block(account, container, blob, block);
    await this.#write(account, container, path, async (file) =>
      pipeline(body, createWriteStream(file, { mode: 0o600 })),
    );
  }

  /** @throws ENOENT when a block is missing. */
  async putBlockList(
    account: string,
    container: string,
    blob: string,
    blocks: readonly string[],
    metadata: Record<string, string>,
  ): Promise<void> {
    const parts = blocks.map((block) => this.#block(account, container, blob, block));
    await this.#write(account, container, this.path(account, container, blob), async (file) => {
      for (const part of parts) {
        await pipeline(createReadStream(part), createWriteStream(file, { flags: 'a', mode: 0o600 }));
      }
    });
    await rm(dirname(this.#block(account, container, blob, 'any')), { recursive: true, force: true });
    await this.setMetadata(account, container, blob, metadata);
  }

  /** @returns undefined when there is no such blob. */
  async facts(account: string, container: string, blob: string): Promise<BlobFacts | undefined> {
    try {
      const { size, mtime } = await stat(this.path(account, container, blob));
      const text = await readTextIfThere(this.#metadata(account, container, blob));
      const metadata = text === undefined ? {} : (JSON.parse(text) as Record<string, string>);
      return { bytes: size, modifiedAt: mtime, metadata };
    } catch (error) {
      if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  read(account: string, container: string, blob: string): Readable {
    return createReadStream(this.path(account, container, blob));
  }

  async setMetadata(
    account: string,
    container: string,
    blob: string,
    metadata: Record<string, string>,
  ): Promise<void> {
    const path = this.#metadata(account, container, blob);
    await makeFolder(dirname(path));
    await writeFileAtomic(path, JSON.stringify(metadata));
  }

  async #write(
    account: string,
    container: string,
    path: string,
    fill: (file: string) => Promise<void>,
  ): Promise<void> {
    const part = join(
      this.#root,
      segment(account),
      segment(container),
      'parts',
      randomBytes(8).toString('hex'),
    );
    await makeFolder(dirname(part));
    await makeFolder(dirname(path));
    try {
      await fill(part);
      await sync(part);
      await rename(part, path);
      await sync(dirname(path));
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  #metadata(account: string, container: string, blob: string): string {
    return join(this.#root, segment(account), segment(container), 'metadata', `${digest(blob)}.json`);
  }

  #block(account: string, container: string, blob: string, block: string): string {
    const folder = join(this.#root, segment(account), segment(container), 'blocks', digest(blob));
    return join(folder, digest(block));
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** @throws {BadBlobName} for what would lead out of the folder. */
function segment(text: string): string {
  if (text === '' || text === '.' || text === '..' || /[/\\\0]/.test(text) || text.length > 255) {
    throw new BadBlobName(`"${text}" cannot be part of a blob's name here`);
  }
  return text;
}
