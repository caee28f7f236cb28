import { JobError } from '../../errors.ts';

const version = '1.0.20';

/**
 * Loads what signs requests to S3, which is not installed with this program.
 *
 * @throws JobError ('S3_PACKAGE_MISSING')
 */
export async function loadAws4Fetch(): Promise<Pick<typeof import('aws4fetch'), 'AwsClient'>> {
  try {
    return await import('aws4fetch');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new JobError('S3_PACKAGE_MISSING', 'places in S3 need the package aws4fetch', {
      hint: `install it beside whisper-npu: npm install aws4fetch@${version} (with -g where whisper-npu was installed so)`,
      cause,
    });
  }
}
