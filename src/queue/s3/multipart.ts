import { JobError } from '../../errors.ts';
import { type S3Address, s3Place } from './address.ts';
import type { S3Answer, S3Client } from './client.ts';
import { field } from './xml.ts';

/**
 * Writes a large object in parts, each of which is sent again by itself where it does not arrive.
 *
 * @param condition of putting them together
 * @returns the answer to that
 */
export async function createInParts(
  send: S3Client,
  address: S3Address,
  content: Uint8Array<ArrayBuffer>,
  { partBytes, condition }: { readonly partBytes: number; readonly condition: Readonly<Record<string, string>> },
): Promise<S3Answer> {
  const begun = await send(address, { method: 'POST', query: { uploads: '' } });
  const uploadId = field(begun.body.toString(), 'UploadId');
  if (begun.status !== 200 || uploadId === '') return begun;
  try {
    const etags: string[] = [];
    for (let start = 0; start < content.length; start += partBytes) {
      const query = { partNumber: String(etags.length + 1), uploadId };
      const body = content.subarray(start, start + partBytes);
      const { status, headers } = await send(address, { method: 'PUT', query, body });
      const etag = headers.get('etag');
      if (status !== 200 || etag === null)
        throw new JobError('S3_REFUSED', `S3 does not take a part of ${s3Place(address)}: ${status}`);
      etags.push(etag);
    }
    const parts = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
    const xml = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
    const body = new Uint8Array(Buffer.from(xml));
    const answer = await send(address, { method: 'POST', query: { uploadId }, headers: condition, body });
    if (answer.status !== 200) await giveUp();
    return answer;
  } catch (error) {
    await giveUp();
    throw error;
  }

  /** Parts that nobody puts together cost money. */
  async function giveUp(): Promise<void> {
    await send(address, { method: 'DELETE', query: { uploadId } }).catch(() => undefined);
  }
}
