import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';

const CHUNK_BYTES = 1024 * 1024;
/** From then on the file is put aside, and a new one begun. */
const ROTATE_BYTES = 32 * 1024 * 1024;

/**
 * Reads a log as it grows, and keeps it small, without missing a line.
 *
 * A file that has grown too large is renamed, and its writer told to open it anew. Once there is a new file nothing is
 * written to the old one any more: that is read to its end, and removed.
 */
export class LogTail {
  readonly #path: string;
  readonly #reopen: () => Promise<void>;
  readonly #rotateBytes: number;
  #file: FileHandle | undefined;
  #offset = 0;
  #rest = '';
  #aside = false;

  /** @param reopen - tells the writer to open the file anew; may fail, and is then called again. */
  constructor(path: string, reopen: () => Promise<void>, rotateBytes = ROTATE_BYTES) {
    this.#path = path;
    this.#reopen = reopen;
    this.#rotateBytes = rotateBytes;
  }

  /** Leaves out what is there already, and takes up a turning over that an earlier reader did not end. */
  async skip(): Promise<void> {
    await this.#close();
    this.#file = await openIfThere(this.#path);
    if (this.#file) {
      await rm(aside(this.#path), { force: true });
    } else {
      // Without a new file its writer is still at the old one.
      this.#file = await openIfThere(aside(this.#path));
      this.#aside = this.#file !== undefined;
    }
    this.#offset = this.#file ? (await this.#file.stat()).size : 0;
    this.#rest = '';
  }

  /** Whole lines since the last call, in their order. */
  async *lines(): AsyncGenerator<string> {
    this.#file ??= await openIfThere(this.#path);
    if (!this.#file) return;
    // Asked before the old file is read to its end: what is written after that is in the new one.
    const begunAnew = this.#aside && (await isThere(this.#path));
    yield* this.#readToEnd(this.#file);
    if (begunAnew) {
      await rm(aside(this.#path), { force: true });
      await this.#close();
      this.#file = await openIfThere(this.#path);
      if (this.#file) yield* this.#readToEnd(this.#file);
      return;
    }
    if (!this.#aside && this.#offset < this.#rotateBytes) return;
    if (!this.#aside) await rename(this.#path, aside(this.#path));
    this.#aside = true;
    await this.#reopen().catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#close();
  }

  async *#readToEnd(file: FileHandle): AsyncGenerator<string> {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      // Lines are ASCII: no character is cut in two.
      const lines = (this.#rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      this.#rest = lines.pop() ?? '';
      yield* lines;
    }
  }

  async #close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    this.#offset = 0;
    this.#aside = false;
  }
}

function aside(path: string): string {
  return `${path}.old`;
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
