import { JobError } from '../../errors.ts';
import { parseS3, type S3Address, s3Place } from './address.ts';
import { codeOf, openS3Client, type S3Answer, type S3Client } from './client.ts';
import { createInParts } from './multipart.ts';
import { field } from './xml.ts';

/** Larger ones are written in parts. S3 takes no part below 5 MiB but the last. */
const partBytes = 8 << 20;

/** An object as it is now. */
export interface S3Object {
  readonly place: string;
  readonly sizeBytes: number;
  /** Another one for another content. */
  readonly etag: string;
  /** By the clock of S3, in whole seconds. */
  readonly changedMs: number;
}

/** Objects in S3, by their places. */
export interface S3Objects {
  /** @returns undefined where there is none */
  find(place: string, signal?: AbortSignal): Promise<S3Object | undefined>;
  /** Those whose keys begin like this, in the order of their keys. */
  list(place: string, signal?: AbortSignal): AsyncIterable<S3Object>;
  /** Some of its bytes. @returns undefined where the object is not there any more, or is another one */
  read(object: Pick<S3Object, 'place' | 'etag'>, range: ByteRange, signal?: AbortSignal): Promise<Buffer | undefined>;
  /**
   * Writes an object where there is none.
   *
   * @param instead of this one, which is replaced
   * @returns whether there was none
   */
  create(place: string, content: Uint8Array<ArrayBuffer>, instead?: S3Object): Promise<boolean>;
  remove(place: string): Promise<void>;
}

export interface ByteRange {
  readonly start: number;
  /** The first byte behind it. */
  readonly end: number;
}

/** @throws JobError where nothing is known of S3, as openS3Client() does; so do all functions where S3 does not do as it is asked */
export async function openS3(env: Readonly<Record<string, string | undefined>>): Promise<S3Objects> {
  const send = await openS3Client(env);
  return {
    async find(place, signal) {
      const address = addressOf(place);
      const answer = await send(address, { method: 'HEAD', signal });
      if (answer.status === 404) return undefined;
      // To this kind of question it does not say why.
      if (answer.status === 403) await send(address, { method: 'GET', headers: { range: 'bytes=0-0' }, signal });
      const { headers } = expected(answer, [200], address);
      return {
        place,
        sizeBytes: Number(headers.get('content-length')),
        etag: headers.get('etag') ?? '',
        changedMs: Date.parse(headers.get('last-modified') ?? ''),
      };
    },
    list: (place, signal) => listed(send, addressOf(place), signal),
    async read({ place, etag }, { start, end }, signal) {
      if (end <= start) return Buffer.alloc(0);
      const address = addressOf(place);
      const headers = { range: `bytes=${start}-${end - 1}`, 'if-match': etag };
      const answer = await send(address, { method: 'GET', headers, signal });
      if (answer.status === 404 || answer.status === 412) return undefined;
      return expected(answer, [200, 206], address).body;
    },
    async create(place, content, instead) {
      const address = addressOf(place);
      const condition = instead === undefined ? { 'if-none-match': '*' } : { 'if-match': instead.etag };
      const answer =
        content.length > partBytes
          ? await createInParts(send, address, content, { partBytes, condition })
          : await send(address, { method: 'PUT', headers: condition, body: content });
      return expected(answer, [200, 412], address).status === 200;
    },
    async remove(place) {
      const address = addressOf(place);
      expected(await send(address, { method: 'DELETE' }), [200, 204, 404], address);
    },
  };
}

function addressOf(place: string): S3Address {
  const address = parseS3(place);
  if (address !== undefined) return address;
  throw new JobError('S3_ADDRESS', `${place} is no place in S3`, { hint: 'write s3://bucket/key' });
}

/** @throws JobError ('S3_REFUSED') */
function expected(answer: S3Answer, statuses: readonly number[], address: S3Address): S3Answer {
  if (statuses.includes(answer.status)) return answer;
  throw new JobError(
    'S3_REFUSED',
    `S3 does not do as it is asked with ${s3Place(address)}: ${answer.status} ${codeOf(answer)}`,
  );
}

async function* listed(
  send: S3Client,
  { bucket, key }: S3Address,
  signal: AbortSignal | undefined,
): AsyncGenerator<S3Object> {
  let next: string | undefined;
  do {
    const query = { 'list-type': '2', prefix: key, ...(next === undefined ? {} : { 'continuation-token': next }) };
    const address = { bucket, key: '' };
    const answer = expected(await send(address, { method: 'GET', query, signal }), [200], address);
    const text = answer.body.toString();
    for (const [, entry = ''] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
      yield {
        place: s3Place({ bucket, key: field(entry, 'Key') }),
        sizeBytes: Number(field(entry, 'Size')),
        etag: field(entry, 'ETag'),
        changedMs: Math.floor(Date.parse(field(entry, 'LastModified')) / 1000) * 1000,
      };
    }
    next = field(text, 'IsTruncated') === 'true' ? field(text, 'NextContinuationToken') : undefined;
  } while (next);
}
