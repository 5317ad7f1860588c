import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { USUAL_EVENTS } from '../../core/notification.js';
import { loadChannels, renderPlan, renderProblems } from '../../spec/index.js';
import { Folder, SPEC } from './folder.js';

let folder: Folder;
beforeAll(async () => {
  folder = await Folder.make();
});
afterAll(() => folder.remove());

describe('notify', () => {
  it('keeps references, and no value, in the plan and in its text', async () => {
    const plan = await folder.plan(
      `${SPEC}notify:
  - webhook: \${env:SLACK}
    form: slack
  - { webhook: "\${file:/run/secrets/hook}", events: [promoted], secret: "\${env:KEY}", links-for: ada }
`,
    );

    expect(plan.notify).toEqual([
      {
        name: 'notify[0] (slack)',
        url: { env: 'SLACK' },
        form: 'slack',
        events: USUAL_EVENTS,
        secret: null,
        linksFor: null,
      },
      {
        name: 'notify[1] (cloudevents)',
        url: { file: '/run/secrets/hook' },
        form: 'cloudevents',
        events: ['promoted'],
        secret: { env: 'KEY' },
        linksFor: 'ada',
      },
    ]);
    expect(renderPlan(plan)).toContain(
      'to ${file:/run/secrets/hook}: promoted · signed with ${env:KEY} · links for ada',
    );
  });

  it.each([
    ['webhook: https://hooks.slack.example/T0/SECRET', 'expected where the secret is'],
    ['webhook: x${env:SLACK}', 'expected where the secret is'],
    ['{ webhook: "${env:SLACK}", secret: hunter2 }', 'expected where the secret is'],
    ['{ webhook: "${env:SLACK}", events: [promotd] }', 'promoted'],
  ])('refuses %s', async (entry, text) => {
    expect(await folder.rendered(`${SPEC}notify:\n  - ${entry}\n`)).toContain(text);
  });

  it.each([
    ['webhook: https://hooks.slack.example/T0/HIDDEN'],
    ['webhook: [https://hooks.slack.example/T0/HIDDEN]'],
    ['webhook:\n      https://hooks.slack.example/T0/HIDDEN'],
    ['{ form: slak, webhook: https://hooks.slack.example/T0/HIDDEN, events: [promotd] }'],
    ['{ webhook: "${env:SLACK}", secret: HIDDEN }'],
  ])('shows nobody what stands in the place of a reference: %s', async (entry) => {
    const problems = await folder.problems(`${SPEC}notify:\n  - ${entry}\n`);

    expect(problems.map(({ code }) => code)).toContain('spec/secret');
    expect(renderProblems(problems)).not.toContain('HIDDEN');
    expect(JSON.stringify(problems)).not.toContain('HIDDEN');
  });

  it.each([
    ['a key that is misspelt', 'notify:\n  - webhok: https://hooks.slack.example/T0/HIDDEN'],
    ['a secret of no known form', 'notify:\n  - { webhook: "${env:SLACK}", secrt: HIDDEN }'],
    ['another mistake behind it', 'notify:\n  - { webhok: HIDDEN, form: slak }'],
    ['a mapping for the list', 'notify: { webhook: https://hooks.slack.example/T0/HIDDEN }'],
    ['no list at all', 'notify: https://hooks.slack.example/T0/HIDDEN'],
    ['no key', 'notify:\n  - https://hooks.slack.example/T0/HIDDEN'],
    ['a second key on its line', 'notify:\n  - webhook: url: https://hooks.slack.example/T0/HIDDEN'],
    ['a field of its own', 'webhook: https://hooks.slack.example/T0/HIDDEN'],
    ['a path', 'deployment: https://store.example/green.yml?sig=HIDDEN'],
  ])('shows no address of a webhook in %s', async (_, text) => {
    const problems = await folder.problems(
      text.startsWith('deployment') ? `endpoint: diabetes\n${text}\n` : `${SPEC}${text}\n`,
    );

    expect(problems).not.toEqual([]);
    expect(renderProblems(problems)).not.toContain('HIDDEN');
    expect(JSON.stringify(problems)).not.toContain('HIDDEN');
  });

  it("is read from a worker's own file as well, with its problems by place", async () => {
    await folder.write({
      'notify.yml': 'notify:\n  - webhook: ${env:OPS}\n    form: teams\n',
      'wrong.yml': 'notify:\n  - { webhook: https://x/HIDDEN, form: slak }\n',
    });

    expect(await loadChannels(folder.at('notify.yml'))).toMatchObject({
      ok: true,
      channels: [{ name: "the worker's notify[0] (teams)", url: { env: 'OPS' } }],
    });
    const wrong = await loadChannels(folder.at('wrong.yml'));
    expect(wrong).toMatchObject({
      ok: false,
      problems: [{ code: 'spec/secret', at: { line: 2 } }, { code: 'spec/choice' }],
    });
    expect(JSON.stringify(wrong)).not.toContain('HIDDEN');
  });
});
