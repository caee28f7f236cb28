import type { JsonSchema } from '../../options/json-schema.ts';
import type { Route, RouteAbout } from '../http/router.ts';
import { errorSchema, transcriptEvent } from './schemas.ts';

/** What a server answers to, as OpenAPI 3.1 describes it. */
export function openApiDocument(routes: readonly Route[], version: string): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes)
    if (route.about !== undefined)
      paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route, route.about) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'whisper-npu',
      version,
      description: 'Speech to text as OpenAI’s audio API does it.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: {
      schemas: { Error: errorSchema, TranscriptEvent: transcriptEvent },
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    },
    // A server on this machine alone needs none.
    security: [{ key: [] }, {}],
  };
}

function operation({ path, isOpen = false }: Route, { summary, form, status = 200, answers }: RouteAbout): JsonSchema {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return {
    summary,
    ...(isOpen ? { security: [] } : {}),
    ...(names.length === 0
      ? {}
      : { parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })) }),
    ...(form === undefined
      ? {}
      : { requestBody: { required: true, content: { 'multipart/form-data': { schema: form } } } }),
    responses: {
      [status]: { description: 'As it was asked for.', content: contentOf(answers) },
      default: {
        description: 'What is wrong.',
        content: contentOf({ 'application/json': { $ref: '#/components/schemas/Error' } }),
      },
    },
  };
}

function contentOf(schemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]));
}
