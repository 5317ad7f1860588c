import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadSpec, renderProblems, type Problem } from '../../spec/index.js';
import type { Plan } from '../../core/plan.js';

export const SPEC = 'endpoint: diabetes\ndeployment: green.yml\n';
export const GREEN = 'name: green\n';

/** A folder of files that is removed again, with ways to load the spec in it. */
export class Folder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Folder> {
    return new Folder(await realpath(await mkdtemp(join(tmpdir(), 'greenlight-spec-'))));
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  async write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** The problems of a spec; `green.yml` is a good deployment file unless `files` say otherwise. */
  async problems(spec: string | Uint8Array, files: Files = {}): Promise<readonly Problem[]> {
    await this.write({ 'green.yml': GREEN, ...files, 'spec.yml': spec });
    const loaded = await loadSpec(this.at('spec.yml'));
    return loaded.ok ? loaded.warnings : loaded.problems;
  }

  /** What a person sees, from inside the folder. */
  async rendered(spec: string | Uint8Array, files: Files = {}): Promise<string> {
    return renderProblems(await this.problems(spec, files)).replaceAll(`${this.path}/`, '');
  }

  async plan(spec: string, files: Files = {}): Promise<Plan> {
    await this.write({ 'green.yml': GREEN, ...files, 'spec.yml': spec });
    const loaded = await loadSpec(this.at('spec.yml'));
    if (!loaded.ok) throw new Error(renderProblems(loaded.problems));
    return loaded.plan;
  }
}

export type Files = Readonly<Record<string, string | Uint8Array>>;
