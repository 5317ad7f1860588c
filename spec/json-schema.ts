import { z } from 'zod';
import { Deployment } from './schema/deployment.js';
import { Rollout } from './schema/rollout.js';
import { textKinds } from './schema/texts.js';

export type JsonSchema = z.core.JSONSchema.JSONSchema;

/** The JSON Schemas by file name, for editors; they accept exactly the forms that the parser accepts. */
export function jsonSchemas(): Readonly<Record<'rollout' | 'deployment', JsonSchema>> {
  return {
    rollout: jsonSchema(Rollout, 'Greenlight rollout spec'),
    deployment: jsonSchema(Deployment, 'Azure ML online deployment, as far as Greenlight carries it'),
  };
}

function jsonSchema(schema: z.ZodType, title: string): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    // What a pattern means, in words: YAML language servers show it in place of the pattern.
    override: ({ zodSchema, jsonSchema: json }) => {
      const kind = textKinds.get(zodSchema as z.ZodString);
      if (kind) json['patternErrorMessage'] = `expected ${kind.expected}`;
    },
  });
  return { ...($schema === undefined ? {} : { $schema }), title, ...rest };
}
