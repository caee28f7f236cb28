import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openS3Client } from '../../../src/queue/s3/client.ts';
import { openS3, type S3Objects } from '../../../src/queue/s3/objects.ts';
import { hasMoto, startMoto } from './moto-server.ts';
import { type S3Server, startS3 } from './s3-server.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

/** What holds in every server. */
function holdsIn(start: () => Promise<Pick<S3Server, 'env' | 'stop'>>): void {
  let server: Pick<S3Server, 'env' | 'stop'>;
  let objects: S3Objects;
  beforeAll(async () => {
    server = await start();
    objects = await openS3(server.env);
  });
  afterAll(() => server.stop());

  test('an object is written once, and the first one stays', async () => {
    const place = 's3://bucket/a/once.txt';
    expect(await objects.find(place)).toBeUndefined();
    expect(await objects.create(place, bytes('first'))).toBe(true);
    expect(await objects.create(place, bytes('second'))).toBe(false);
    const found = await objects.find(place);
    expect(found).toMatchObject({ place, sizeBytes: 5 });
    expect(Math.abs(Date.now() - (found?.changedMs ?? 0))).toBeLessThan(60_000);
    expect(await objects.create(place, bytes('third'), found)).toBe(true);
    expect(await objects.create(place, bytes('fourth'), found)).toBe(false);
    await objects.remove(place);
    await objects.remove(place);
    expect(await objects.find(place)).toBeUndefined();
  });

  test('a part of an object is read, unless it is another object by now', async () => {
    const place = 's3://bucket/a/read.txt';
    await objects.create(place, bytes('0123456789'));
    const found = await objects.find(place);
    if (found === undefined) throw new Error('it was written');
    expect((await objects.read(found, { start: 2, end: 5 }))?.toString()).toBe('234');
    await objects.create(place, bytes('abcdefghij'), found);
    expect(await objects.read(found, { start: 2, end: 5 })).toBeUndefined();
    await objects.remove(place);
    expect(await objects.read(found, { start: 2, end: 5 })).toBeUndefined();
  });

  test('objects are listed in the order of their keys, whatever is in these', async () => {
    const keys = [
      'b/1 & <2>.wav',
      'b/Straße "x".wav',
      'b/a+b=c?d#e%20f.wav',
      'b/deep/er.wav',
      "b/it's (1)!*.wav",
    ].sort();
    for (const key of keys) await objects.create(`s3://bucket/${key}`, bytes(key));
    await objects.create('s3://bucket/bb.wav', bytes('other'));
    const found: string[] = [];
    for await (const { place, sizeBytes, etag } of objects.list('s3://bucket/b/')) {
      found.push(place);
      const read = await objects.read({ place, etag }, { start: 0, end: sizeBytes });
      expect(`s3://bucket/${read?.toString()}`).toBe(place);
    }
    expect(found).toEqual(keys.map((key) => `s3://bucket/${key}`));
  });

  test('a large object is written in parts, and once', async () => {
    const place = 's3://bucket/large';
    const content = new Uint8Array(randomBytes(17 << 20));
    expect(await objects.create(place, content)).toBe(true);
    const found = await objects.find(place);
    if (found === undefined) throw new Error('it was written');
    expect(found.sizeBytes).toBe(content.length);
    const [start, end] = [(8 << 20) - 100, (8 << 20) + 100];
    expect((await objects.read(found, { start, end }))?.equals(content.subarray(start, end))).toBe(true);
    expect(await objects.create(place, content)).toBe(false);
  });
}

describe('in a server of this test', () => {
  holdsIn(startS3);

  test('all holds where every fourth request fails', async () => {
    const server = await startS3();
    onTestFinished(() => server.stop());
    const objects = await openS3(server.env);
    server.failEvery(4);
    for (let i = 0; i < 12; i++) {
      const place = `s3://bucket/${i}`;
      // Whoever is not told that it was written finds that it is there: no other would have written anything else.
      await objects.create(place, bytes(`content ${i}`));
      const found = await objects.find(place);
      expect((await objects.read({ place, etag: found?.etag ?? '' }, { start: 0, end: 100 }))?.toString()).toBe(
        `content ${i}`,
      );
    }
    expect(server.asked.length).toBeGreaterThan(36);
  });

  test('credentials that it does not know are told as such', async () => {
    const server = await startS3();
    onTestFinished(() => server.stop());
    const objects = await openS3({ ...server.env, AWS_ACCESS_KEY_ID: 'nobody' });
    await expect(objects.find('s3://bucket/key')).rejects.toMatchObject({ code: 'S3_CREDENTIALS_REFUSED' });
    await expect(objects.find('s3://B/key')).rejects.toMatchObject({ code: 'S3_ADDRESS' });
    await expect(openS3({})).rejects.toMatchObject({ code: 'S3_NO_CREDENTIALS' });
  });

  test('who cannot be reached is given up, with what was the matter', async () => {
    const server = await startS3();
    await server.stop();
    const send = await openS3Client(server.env, 2);
    await expect(send({ bucket: 'bucket', key: 'key' }, { method: 'HEAD' })).rejects.toMatchObject({
      code: 'S3_UNREACHABLE',
      message: expect.stringMatching(/^s3:\/\/bucket at 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/),
    });
  });
});

// WHISPER_NPU_TEST_MOTO=…/bin/moto_server: scripts/try-moto.sh has the way there.
describe.skipIf(!hasMoto)('in moto', () => holdsIn(() => startMoto('bucket')));
