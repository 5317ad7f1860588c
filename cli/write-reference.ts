import { writeFile } from 'node:fs/promises';
import { cliReference } from './reference.js';

// Started in the repository, by `npm run schema`.
await writeFile('docs/cli.md', cliReference());
