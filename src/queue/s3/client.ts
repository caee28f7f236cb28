import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../errors.ts';
import type { S3Address } from './address.ts';
import { loadAws4Fetch } from './packages.ts';

/** A request that fails for no reason of its own is made so often in all, within about a minute. */
const mostTries = 9;
const firstPauseMs = 100;
const longestPauseMs = 20_000;
/** Of one request with its answer, which hold a part of an object at most. */
const requestLimitMs = 120_000;

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal | undefined;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** Makes a request, again where nobody is to blame. @throws JobError where there is no answer, or one that no request could change */
export type S3Client = (address: S3Address, request: S3Request) => Promise<S3Answer>;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Requests to S3, or to what speaks like it, with address and credentials from the usual variables.
 *
 * @param env AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 * @throws JobError ('S3_NO_CREDENTIALS', 'S3_PACKAGE_MISSING')
 */
export async function openS3Client(env: Environment, tries = mostTries): Promise<S3Client> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env;
  if (!accessKeyId || !secretAccessKey)
    throw new JobError('S3_NO_CREDENTIALS', 'nobody said with which credentials S3 is to be asked', {
      hint: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN where there is one',
    });
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || 'us-east-1';
  const endpoint = env['AWS_ENDPOINT_URL_S3'] || env['AWS_ENDPOINT_URL'];
  const { AwsClient } = await loadAws4Fetch();
  const signer = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(token ? { sessionToken: token } : {}),
    service: 's3',
    region,
  });
  const once = async (address: S3Address, request: S3Request): Promise<S3Answer> => {
    const { method, headers = {}, body, signal } = request;
    const sha256 = createHash('sha256')
      .update(body ?? '')
      .digest('hex');
    const signed = await signer.sign(urlOf(address, { endpoint, region }, request.query), {
      method,
      headers: { ...headers, 'x-amz-content-sha256': sha256 },
      ...(body === undefined ? {} : { body }),
    });
    const limit = AbortSignal.timeout(requestLimitMs);
    const response = await fetch(signed, { signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) });
    return {
      status: response.status,
      headers: response.headers,
      body: Buffer.from(await response.arrayBuffer()),
    };
  };
  return async (address, request) => {
    let problem: unknown;
    for (let failures = 0; failures < tries; failures++) {
      if (failures > 0) await pause(failures, request.signal);
      let answer: S3Answer;
      try {
        answer = await once(address, request);
      } catch (error) {
        request.signal?.throwIfAborted();
        problem = error;
        continue;
      }
      if (!isPassing(answer)) return request.method === 'HEAD' ? answer : checked(answer, address);
      problem = new Error(`it answers ${answer.status} ${codeOf(answer)}`.trim());
    }
    throw unreachable(address, endpoint, problem);
  };
}

/** Longer from time to time, and never the same for two who were refused together. */
async function pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const longest = Math.min(firstPauseMs * 2 ** failures, longestPauseMs);
  await sleep(longest * (0.5 + Math.random() / 2), undefined, { signal });
}

/** With an address of one's own, buckets are paths, as they need no names of their own then. */
function urlOf(
  { bucket, key }: S3Address,
  { endpoint, region }: { readonly endpoint: string | undefined; readonly region: string },
  query: Readonly<Record<string, string>> = {},
): string {
  const path = key.split('/').map(encoded).join('/');
  const isPath = endpoint !== undefined || bucket.includes('.');
  const base = (endpoint ?? `https://${isPath ? '' : `${bucket}.`}s3.${region}.amazonaws.com`).replace(/\/+$/, '');
  const search = Object.entries(query).map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  return `${base}${isPath ? `/${bucket}` : ''}/${path}${search.length > 0 ? `?${search.join('&')}` : ''}`;
}

/** As signatures have it. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** What passes by itself: it is busy, or two wrote the same at the same moment. */
function isPassing({ status }: S3Answer): boolean {
  return status >= 500 || status === 429 || status === 408 || status === 409;
}

/** The name that S3 has for what is wrong. */
export function codeOf({ body }: S3Answer): string {
  return /<Code>(\w+)<\/Code>/.exec(body.toString('utf8', 0, 4096))?.[1] ?? '';
}

/** What no other object would be spared: it is no fault of a job. */
const ofCredentials = new Set(['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken', 'RequestTimeTooSkewed']);

function checked(answer: S3Answer, { bucket, key }: S3Address): S3Answer {
  const code = codeOf(answer);
  if (ofCredentials.has(code))
    throw new JobError('S3_CREDENTIALS_REFUSED', `S3 refuses the credentials: ${code}`, {
      hint: 'check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and the clock of this machine',
    });
  if (answer.status === 401 || answer.status === 403 || code === 'NoSuchBucket')
    throw new JobError('S3_REFUSED', `s3://${bucket}/${key} may not be used: ${code || answer.status}`, {
      hint: 'check the name of the bucket, and what these credentials may do in it',
    });
  return answer;
}

function unreachable({ bucket }: S3Address, endpoint: string | undefined, cause: unknown): JobError {
  const where = endpoint === undefined ? `s3://${bucket}` : `s3://${bucket} at ${new URL(endpoint).host}`;
  const text = cause instanceof Error ? `${cause.message}${inner(cause.cause)}` : String(cause);
  return new JobError('S3_UNREACHABLE', `${where} cannot be reached: ${text}`, {
    hint: 'check AWS_ENDPOINT_URL, AWS_REGION and the network',
    cause,
  });
}

/** What fetch() itself says is only that it failed. */
function inner(cause: unknown): string {
  if (!(cause instanceof Error)) return '';
  return ` (${cause.message || String((cause as NodeJS.ErrnoException).code)})`;
}
