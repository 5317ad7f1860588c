import { describe, expect, it } from 'vitest';
import { beforeSecret } from '../../spec/secret-lines.js';
import { parseYaml } from '../../spec/read-yaml.js';
import { readDraft } from '../../spec/draft.js';
import { renderProblems } from '../../spec/render.js';

describe('a printed line ends before what looks like a secret', () => {
  it.each([
    ['api_token: hunter2', 'api_token:'],
    ['  - webhook: hunter2', '  - webhook:'],
    ['  "db-password" : "hunter2', '  "db-password" :'],
    ['a: { b: 1, CLIENT_SECRET: hunter2, c: 2 }', 'a: { b: 1, CLIENT_SECRET:'],
    ['connectionString: hunter2', 'connectionString:'],
  ])('%s', (line, shown) => {
    expect(beforeSecret(line)).toBe(shown);
  });

  it.each([
    ['webhook: ${env:SLACK_WEBHOOK}'],
    ['DB_PASSWORD: "${secret:db}"'],
    ['time-per-token: { metric: latency }'],
    ['secrets:'],
    ['secretName: # none'],
    ['adopt: token'],
    ['"total": tokens_total{version="$deployment"}'],
  ])('%s is shown whole', (line) => {
    expect(beforeSecret(line)).toBe(line);
  });
});

it('no problem shows a secret under a key that is misspelt, at the top or in what is no YAML', () => {
  const head = 'endpoint: diabetes\ndeployment: green.yml\n';
  const texts = [
    `${head}notfy: { webhook: HIDDEN }\n`,
    `${head}api_token: HIDDEN\n`,
    `${head}password: "HIDDEN\n`,
    `${head}environment_varables: { DB_PASSWORD: HIDDEN }\n`,
  ];

  for (const text of texts) {
    const { source, problems } = parseYaml(text, 'spec.yml', 'spec');
    const shown = renderProblems([...problems, ...(source ? readDraft(source).problems : [])]);
    expect(shown).toMatch(/error/);
    expect(shown).not.toContain('HIDDEN');
  }
});
