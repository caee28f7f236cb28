/** A place in S3, as people write it: s3://bucket/key. */
export interface S3Address {
  readonly bucket: string;
  /** Of an object, or what the keys of several begin with. */
  readonly key: string;
}

const pattern = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/(.*))?$/s;

/** Whether something is written like a place in S3, right or wrong. */
export function isS3(place: string): boolean {
  return place.startsWith('s3://');
}

/** @returns undefined where it is none */
export function parseS3(place: string): S3Address | undefined {
  const [, bucket, key = ''] = pattern.exec(place) ?? [];
  return bucket === undefined ? undefined : { bucket, key };
}

export function s3Place({ bucket, key }: S3Address): string {
  return `s3://${bucket}/${key}`;
}
