import { describe, expect, test } from 'vitest';
import { catalog, publishedModel } from '../../src/model/catalog.ts';

describe('a model is found', () => {
  test.each([
    ['whisper-medium', 'whisper-medium', 'openai/whisper-medium'],
    ['medium', 'whisper-medium', 'openai/whisper-medium'],
    ['openai/whisper-medium', 'whisper-medium', 'openai/whisper-medium'],
    ['turbo', 'whisper-large-v3-turbo', 'openai/whisper-large-v3-turbo'],
    ['whisper-turbo', 'whisper-large-v3-turbo', 'openai/whisper-large-v3-turbo'],
    ['large', 'whisper-large-v3', 'openai/whisper-large-v3'],
    ['large-v1', 'whisper-large-v1', 'openai/whisper-large'],
    ['base', 'whisper-base', 'Systran/faster-whisper-base'],
    ['tiny.en', 'whisper-tiny.en', 'Systran/faster-whisper-tiny.en'],
    ['openai/whisper-base', 'openai--whisper-base', 'openai/whisper-base'],
    ['distil-whisper/distil-large-v3', 'distil-whisper--distil-large-v3', 'distil-whisper/distil-large-v3'],
  ])('%s', (spec, name, repository) => {
    expect(publishedModel(spec)).toMatchObject({ name, repository });
  });
});

test.each(['whisper-huge', 'a/b/c', '../up', 'a/..', '', '-x/y'])('%j is refused, with the names there are', (spec) => {
  expect(() => publishedModel(spec)).toThrow(
    expect.objectContaining({ code: 'MODEL_UNKNOWN', hint: expect.stringContaining('whisper-large-v3-turbo') }),
  );
});

test('the catalog has every OpenAI size once', () => {
  const english = ['tiny.en', 'base.en', 'small.en', 'medium.en'];
  const multilingual = ['tiny', 'base', 'small', 'medium', 'large-v1', 'large-v2', 'large-v3', 'large-v3-turbo'];
  const names = [...english, ...multilingual].map((size) => `whisper-${size}`);
  expect(catalog.map(({ name }) => name).sort()).toEqual(names.sort());
});
