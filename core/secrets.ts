import type { DeploymentSpec } from './deployment.js';

/** A secret by its name; what it is, only the worker that creates the deployment knows. */
const REFERENCE = /^\$\{secret:([A-Za-z0-9][A-Za-z0-9._-]{0,63})\}$/;

/** The secret that a value names; undefined where it is a value by itself. */
export function secretName(value: string): string | undefined {
  return REFERENCE.exec(value)?.[1];
}

/** Meant as a reference and is none: a part of a longer text, or a name that cannot be. */
export function isBrokenReference(value: string): boolean {
  return value.includes('${secret:') && secretName(value) === undefined;
}

/** Names of all secrets that a deployment asks for, once each. */
export function secretNames(deployment: Pick<DeploymentSpec, 'environmentVariables'>): readonly string[] {
  const named = Object.values(deployment.environmentVariables).map(secretName);
  return [...new Set(named.filter((name) => name !== undefined))];
}

/** The deployment with the secrets themselves in it: for the one call that creates it, and for nothing that is kept. */
export async function withSecrets(
  deployment: DeploymentSpec,
  secret: (name: string) => Promise<string>,
): Promise<DeploymentSpec> {
  if (secretNames(deployment).length === 0) return deployment;
  const resolved = await Promise.all(
    Object.entries(deployment.environmentVariables).map(async ([key, value]) => {
      const name = secretName(value);
      return [key, name === undefined ? value : await secret(name)] as const;
    }),
  );
  return { ...deployment, environmentVariables: Object.fromEntries(resolved) };
}

/**
 * A text that may quote what a deployment was created with, with `${secret:NAME}` in place of each of its secrets: targets
 * repeat what they were given, and so do the model servers whose last words they tell. The text may be on one line by now,
 * in JSON, in an address, or cut.
 *
 * What cannot be looked up any more is not looked for.
 */
export async function withoutSecrets(
  text: string,
  deployment: Pick<DeploymentSpec, 'environmentVariables'>,
  secret: (name: string) => Promise<string>,
): Promise<string> {
  const found = await Promise.all(
    secretNames(deployment).map(async (name) => {
      const value = await secret(name).catch(() => '');
      return formsOf(value).map((form) => [form, `\${secret:${name}}`] as const);
    }),
  );
  // The longest first: one secret may be a part of another.
  const forms = found.flat().sort(([a], [b]) => b.length - a.length);
  return forms.reduce(
    (shown, [form, mark]) =>
      withoutBeginning(
        shown.replaceAll(form, () => mark),
        form,
        mark,
      ),
    text,
  );
}

/** As it is, on one line (also without the stop that an end of a text loses), in JSON, and as a part of an address. */
function formsOf(value: string): readonly string[] {
  const line = value.replace(/\s+/g, ' ').trim();
  const forms = [
    value,
    line,
    line.replace(/[.;]+$/, ''),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
  ];
  return [...new Set(forms)].filter((form) => form.trim() !== '');
}

const CUT = '...';
/** Fewer characters say nothing of a secret, and end many a word. */
const LEAST_OF_CUT = 4;

/** Where a text was cut within a secret, the secret's beginning stands before the dots. */
function withoutBeginning(text: string, form: string, mark: string): string {
  const parts = text.split(CUT);
  const last = parts.pop() ?? '';
  const hidden = parts.map((part) => {
    for (let length = Math.min(form.length, part.length); length >= LEAST_OF_CUT; length -= 1) {
      if (part.endsWith(form.slice(0, length))) return part.slice(0, -length) + mark;
    }
    return part;
  });
  return [...hidden, last].join(CUT);
}
