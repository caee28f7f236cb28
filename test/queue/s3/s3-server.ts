import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server that speaks as much of S3 as is asked of it here. */
export interface S3Server {
  /** What a program needs to find it. */
  readonly env: Readonly<Record<string, string>>;
  /** What was asked, as `GET /bucket/key`. */
  readonly asked: string[];
  /** Has every so-many-th request fail: refused, cut off before it is done, or cut off behind it, by turns. 0: none. */
  failEvery(n: number): void;
  stop(): Promise<void>;
}

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly changed: Date;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** A listing has few, so that there are several pages of them. */
const pageSize = 2;

export async function startS3(): Promise<S3Server> {
  const objects = new Map<string, Stored>();
  const uploads = new Map<string, Map<number, Buffer>>();
  const asked: string[] = [];
  let failing = 0;
  let count = 0;

  const put = (name: string, body: Buffer): Reply => {
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    objects.set(name, { body, etag, changed: new Date() });
    return { status: 200, headers: { etag } };
  };
  /** What the conditions of a request come to. */
  const refusal = ({ headers }: IncomingMessage, name: string): Reply | undefined => {
    const found = objects.get(name);
    if (headers['if-none-match'] === '*' && found !== undefined) return problem(412, 'PreconditionFailed');
    const wanted = headers['if-match'];
    if (wanted !== undefined && wanted !== found?.etag)
      return problem(found === undefined ? 404 : 412, 'PreconditionFailed');
    return undefined;
  };
  const answer = (request: IncomingMessage, url: URL, body: Buffer): Reply => {
    const { method = '', headers } = request;
    const name = decodeURIComponent(url.pathname.slice(1));
    const { searchParams: query } = url;
    const uploadId = query.get('uploadId') ?? '';
    if (!/Credential=test\/\d{8}\/eu-test-1\/s3\//.test(headers.authorization ?? ''))
      return problem(403, 'InvalidAccessKeyId');
    if (headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex'))
      return problem(400, 'XAmzContentSHA256Mismatch');
    if (query.has('list-type')) return listing(objects, name, query);
    if (method === 'POST' && query.has('uploads')) {
      const id = `upload-${uploads.size}`;
      uploads.set(id, new Map());
      return {
        status: 200,
        body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      };
    }
    const parts = uploads.get(uploadId);
    if (uploadId !== '' && parts === undefined) return problem(404, 'NoSuchUpload');
    if (parts !== undefined && method === 'PUT') {
      parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: `"part-${query.get('partNumber')}"` } };
    }
    if (parts !== undefined && method === 'DELETE') return { status: uploads.delete(uploadId) ? 204 : 404 };
    const refused = refusal(request, name);
    if (refused !== undefined) return refused;
    if (parts !== undefined) {
      const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number));
      uploads.delete(uploadId);
      return put(name, Buffer.concat(numbers.map((number) => parts.get(number) ?? Buffer.alloc(0))));
    }
    if (method === 'PUT') return put(name, body);
    if (method === 'DELETE') return { status: objects.delete(name) ? 204 : 404 };
    const found = objects.get(name);
    if (found === undefined) return problem(404, 'NoSuchKey');
    return contentOf(found, headers.range);
  };

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const url = new URL(request.url ?? '/', 'http://localhost');
      asked.push(`${request.method} ${url.pathname}`);
      const failure = failing > 0 && ++count % failing === 0 ? (count / failing) % 3 : undefined;
      if (failure === 0) return send(response, request, problem(503, 'SlowDown'));
      if (failure === 1) return request.socket.destroy();
      const reply = answer(request, url, Buffer.concat(chunks));
      if (failure === 2) return request.socket.destroy();
      return send(response, request, reply);
    })().catch(() => request.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_REGION: 'eu-test-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'secret',
    },
    asked,
    failEvery(n) {
      failing = n;
      count = 0;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function send(response: ServerResponse, { method }: IncomingMessage, { status, headers = {}, body = '' }: Reply): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
  response.end(method === 'HEAD' ? undefined : body);
}

function problem(status: number, code: string): Reply {
  return { status, body: `<Error><Code>${code}</Code></Error>` };
}

function contentOf({ body, etag, changed }: Stored, range: string | undefined): Reply {
  const about = { etag, 'last-modified': changed.toUTCString() };
  if (range === undefined) return { status: 200, headers: about, body };
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
  return { status: 206, headers: about, body: body.subarray(Number(start), Number(end) + 1) };
}

function listing(objects: ReadonlyMap<string, Stored>, bucket: string, query: URLSearchParams): Reply {
  const within = bucket.replace(/\/$/, '');
  const after = query.get('continuation-token') ?? '';
  const found = [...objects]
    .flatMap(([name, stored]) =>
      name.startsWith(`${within}/`) ? [[name.slice(within.length + 1), stored] as const] : [],
    )
    .filter(([key]) => key.startsWith(query.get('prefix') ?? '') && key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const page = found.slice(0, pageSize);
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  const entries = page.map(
    ([key, { body, etag, changed }]) =>
      `<Contents><Key>${escaped(key)}</Key><LastModified>${changed.toISOString()}</LastModified><ETag>${escaped(etag)}</ETag><Size>${body.length}</Size></Contents>`,
  );
  const next =
    found.length > page.length
      ? `<NextContinuationToken>${escaped(page.at(-1)?.[0] ?? '')}</NextContinuationToken>`
      : '';
  return {
    status: 200,
    body: `<ListBucketResult><IsTruncated>${next !== ''}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`,
  };
}
