import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readEvents } from '../../../src/remote/event-stream.ts';
import type { Segment } from '../../../src/transcribe/segment.ts';
import { formWith, scriptedPool, segmentOf, startServer, transcribeAt } from '../support/test-server.ts';

const wav = new Uint8Array(readFileSync('samples/espeak-en-16k.wav'));

/** As much of a schema as events are described with. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
}

function typesOf(value: unknown): string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  return Number.isInteger(value) ? ['integer', 'number'] : [typeof value];
}

/** What is wrong with a value; what a schema does not name is wrong too. */
function faultsOf(value: unknown, schema: Schema, at = ''): string[] {
  if (schema.const !== undefined) return value === schema.const ? [] : [`${at} is ${value}, not ${schema.const}`];
  if (schema.enum !== undefined) return schema.enum.includes(value) ? [] : [`${at} is ${value}`];
  const types = [schema.type ?? 'object'].flat();
  if (!types.some((type) => typesOf(value).includes(type))) return [`${at} is ${typesOf(value)}, not ${types}`];
  if (Array.isArray(value)) return value.flatMap((item, i) => faultsOf(item, schema.items ?? {}, `${at}[${i}]`));
  if (typeof value !== 'object' || value === null) return [];
  const { properties = {}, required = [] } = schema;
  const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${at} has no ${name}`);
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    const known = properties[name];
    return known === undefined ? [`${at}.${name} is not described`] : faultsOf(member, known, `${at}.${name}`);
  });
  return [...missing, ...wrong];
}

const words = [{ text: ' hello', startSeconds: 0, endSeconds: 0.5, probability: 0.9 }];
const segments: readonly Segment[] = [{ ...segmentOf(' hello', 0), words, noSpeechProb: 0.1 }, segmentOf(' you', 1)];

test.each<[Record<string, string>, string[]]>([
  [{ 'include[]': 'logprobs' }, ['transcript.text.delta', 'transcript.text.done']],
  [
    { response_format: 'verbose_json', 'timestamp_granularities[]': 'word' },
    ['transcript.text.delta', 'transcript.text.segment', 'transcript.text.done'],
  ],
  [
    { response_format: 'whisper_json' },
    ['transcript.begin', 'transcript.warning', 'transcript.progress', 'transcript.segment', 'transcript.done'],
  ],
])('every event of a stream is described, with all that it has: %j', async (fields, types) => {
  const { url } = await startServer(
    scriptedPool(async function* (_, options = {}) {
      options.onWarning?.('something is wrong');
      options.onProgress?.(0.5);
      yield* segments;
    }),
  );
  const document = await (await fetch(`${url}/openapi.json`)).json();
  const { oneOf } = (document as { components: { schemas: { TranscriptEvent: { oneOf: Schema[] } } } }).components
    .schemas.TranscriptEvent;
  const response = await transcribeAt(url, formWith(wav, { stream: 'true', ...fields }));
  const found = new Set<string>();
  for await (const data of readEvents(response.body!.pipeThrough(new TextDecoderStream()))) {
    if (data === '[DONE]') continue;
    const event = JSON.parse(data) as { type: string };
    found.add(event.type);
    const schema = oneOf.find(({ properties }) => properties?.['type']?.const === event.type);
    expect(schema, event.type).toBeDefined();
    expect(faultsOf(event, schema ?? {}, event.type)).toEqual([]);
  }
  expect([...found].sort()).toEqual([...types].sort());
});
