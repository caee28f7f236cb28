import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Frame, frameBytes, readFrames } from '../../../src/server/wyoming/frames.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function read(bytes: Uint8Array | string, pieceBytes = 7): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of readFrames(inPieces(Buffer.from(bytes), pieceBytes))) frames.push(frame);
  return frames;
}

test('messages come out as they went in, whatever the pieces', async () => {
  const payload = Buffer.from([0, 10, 255]);
  const audio = Buffer.concat([
    Buffer.from(
      '{"type":"audio-chunk","data":{"rate":8000,"width":1},"data_length":12,"payload_length":3}\n{"width": 2}',
    ),
    payload,
  ]);
  const bytes = Buffer.concat([frameBytes('info', { a: ['\u00e4\n'] }), audio, Buffer.from('{"type":"audio-stop"}\n')]);
  for (const size of [1, 5, 1000]) {
    expect(await read(bytes, size)).toEqual([
      { type: 'info', data: { a: ['\u00e4\n'] }, payload: Buffer.alloc(0) },
      { type: 'audio-chunk', data: { rate: 8000, width: 2 }, payload },
      { type: 'audio-stop', data: {}, payload: Buffer.alloc(0) },
    ]);
  }
});

describe('what is no message', () => {
  test.each([
    ['a web page’s request', 'POST / HTTP/1.1\r\nHost: a\r\n\r\n', 'no JSON'],
    ['no object', '[1]\n', 'JSON that is no object'],
    ['no type', '{"data":{}}\n', 'a message without a type'],
    ['data that are none', '{"type":"a","data":[]}\n', 'a message whose data are no object'],
    ['a negative length', '{"type":"a","payload_length":-1}\n', 'a length that is none'],
    ['half a byte', '{"type":"a","data_length":0.5}\n', 'a length that is none'],
    ['half of a line', '{"type":"a"', 'half of a line'],
    ['half of its samples', '{"type":"a","payload_length":9}\nabc', 'half of a message'],
  ])('%s is refused', async (_, text, what) => {
    await expect(read(text)).rejects.toMatchObject({
      status: 400,
      code: 'NOT_WYOMING',
      message: expect.stringContaining(what),
    });
  });

  test.each([
    ['a line', `{"type":"${'x'.repeat(70_000)}`],
    ['data', '{"type":"a","data_length":65537}\n'],
    ['samples', '{"type":"a","payload_length":99999999999}\n'],
  ])('%s without bounds is refused before it has come', async (_, text) => {
    await expect(read(text, 4096)).rejects.toMatchObject({ status: 413, code: 'TOO_LARGE' });
  });
});

test('whatever comes, it is messages or a refusal', async () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(`${text}\n`)),
    fc
      .record({ type: fc.anything(), data: fc.anything(), data_length: fc.anything(), payload_length: fc.anything() })
      .map((value) => Buffer.from(`${JSON.stringify(value)}\n{}xyz`)),
  );
  await fc.assert(
    fc.asyncProperty(noise, fc.integer({ min: 1, max: 50 }), async (bytes, size) => {
      const result = await read(bytes, size).catch((error: unknown) => error);
      if (!Array.isArray(result)) expect((result as { code: string }).code).toMatch(/^(NOT_WYOMING|TOO_LARGE)$/);
    }),
    { numRuns: 300 },
  );
});
