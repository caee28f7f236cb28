import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formName, optionsOf } from '../../../src/options/names.ts';
import { optionTables } from '../../../src/options/tables.ts';
import { routesOf } from '../../../src/server/routes.ts';
import type { ServerParts } from '../../../src/server/server-parts.ts';
import { formWith, scriptedPool, startServer } from '../support/test-server.ts';

const wav = new Uint8Array(readFileSync('samples/espeak-en-16k.wav'));

interface Operation {
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly schema: { readonly properties: Readonly<Record<string, Field>> } }>
    >;
  };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, unknown>> }>>;
}

interface Field {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly format?: string;
}

async function documentOf(url: string) {
  const response = await fetch(`${url}/openapi.json`);
  return (await response.json()) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
  };
}

test('every route that programs use is described, with its method, path, parameters and whether it needs a key', async () => {
  const { url } = await startServer(scriptedPool());
  const { paths, openapi } = await documentOf(url);
  expect(openapi).toBe('3.1.0');
  const routes = routesOf({} as ServerParts, () => false).filter(
    ({ path }) => path !== '/' && !path.startsWith('/page/'),
  );
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      isOpen: operation.security?.length === 0,
      names: operation.parameters?.map(({ name }) => name) ?? [],
    })),
  );
  expect(described).toEqual(
    routes.map(({ method, path, isOpen = false }) => ({
      method,
      path,
      isOpen,
      names: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
    })),
  );
  for (const { method, path } of described) {
    const { status } = await fetch(`${url}${path.replaceAll(/\{\w+\}/g, 'nothing')}`, { method });
    expect([200, 404, 415], `${method} ${path}`).toContain(status);
  }
});

test('fields are those of the options, and each is taken as it is described', async () => {
  const { url } = await startServer(scriptedPool());
  const { paths } = await documentOf(url);
  for (const [path, task] of [
    ['/v1/audio/transcriptions', 'task'],
    ['/v1/audio/translations', undefined],
  ] as const) {
    const fields = fieldsOf(paths[path]?.['post']);
    const options = optionsOf(optionTables, 'audio form').map(([name, option]) => formName(name, option));
    for (const name of options) expect(Object.keys(fields).includes(name), name).toBe(name !== 'task' || task === name);
    for (const [name, field] of Object.entries(fields)) {
      for (const [value, isGood] of valuesOf(field)) {
        const form = formWith(wav, { [name]: value });
        const response = await fetch(`${url}${path}`, { method: 'POST', body: form });
        const text = await response.text();
        const { error } = (response.ok ? {} : JSON.parse(text)) as { error?: { message: string } };
        const says = `${path}: ${name} = ${value}: ${error?.message}`;
        // A value may need another field, but is never none of its kind.
        if (isGood) expect(error?.message ?? '', says).not.toMatch(/: expected |there is no field/);
        else expect(error?.message ?? '', says).toMatch(/: expected |: only/);
      }
    }
  }
});

test('languages are asked for by fewer fields, all of which it takes', async () => {
  const { url } = await startServer(scriptedPool());
  const fields = fieldsOf((await documentOf(url)).paths['/v1/audio/languages']?.['post']);
  expect(Object.keys(fields)).toEqual(
    expect.arrayContaining(['file', 'model', 'channel', 'track', 'start', 'end', 'input_format']),
  );
  expect(Object.keys(fields)).not.toContain('beam_size');
});

function fieldsOf(operation: Operation | undefined): Readonly<Record<string, Field>> {
  return operation?.requestBody?.content['multipart/form-data']?.schema.properties ?? {};
}

/** Some values that a field takes, and some that it does not. */
function valuesOf({ type, enum: names, minimum, maximum, default: value }: Field): [string, boolean][] {
  const given: [string, boolean][] = value === undefined || value === '' ? [] : [[String(value), true]];
  if (type === 'boolean') return [...given, ['true', true], ['maybe', false]];
  if (names !== undefined)
    return [...given, ...names.slice(0, 2).map((name): [string, boolean] => [name, true]), ['none', false]];
  if (minimum !== undefined && maximum !== undefined)
    return [
      ...given,
      [String(minimum), true],
      [String(maximum), true],
      [String(minimum - 1), false],
      [String(maximum + 1), false],
    ];
  return given;
}
