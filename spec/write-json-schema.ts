import { mkdir, writeFile } from 'node:fs/promises';
import { jsonSchemas } from './json-schema.js';
import { referencePage } from './reference.js';

/** Writes the generated files below the folder it is started in: `npm run schema` starts it in the repository. */
async function write(): Promise<void> {
  await mkdir('schema', { recursive: true });
  await mkdir('docs', { recursive: true });
  for (const [name, schema] of Object.entries(jsonSchemas())) {
    await writeFile(`schema/${name}.schema.json`, `${JSON.stringify(schema, null, 2)}\n`);
  }
  await writeFile('docs/spec-reference.md', referencePage());
}

await write();
