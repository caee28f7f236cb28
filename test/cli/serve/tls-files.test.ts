import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readTlsFiles } from '../../../src/cli/serve/tls-files.ts';
import { scriptedPool, startServer } from '../../server/support/test-server.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const isOpensslThere = spawnSync('openssl', ['version']).status === 0;

/** A certificate of this machine that it signed itself, and its key. */
function makeCertificate(folder: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const { status, stderr } = spawnSync('openssl', [...args, ...subject, '-keyout', key, '-out', cert]);
  if (status !== 0) throw new Error(String(stderr));
  return { cert, key };
}

function getSecurely(url: string, ca: Buffer): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { ca }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    })
      .once('error', reject)
      .end();
  });
}

describe.skipIf(!isOpensslThere)('a certificate and its key', () => {
  test('make a server that answers over HTTPS alone', async () => {
    const { cert, key } = makeCertificate(temporaryFolder());
    const tls = await readTlsFiles(cert, key);
    const { url } = await startServer(scriptedPool(), { tls });
    expect(url).toMatch(/^https:/);
    expect(await getSecurely(`${url}/health`, tls?.cert ?? Buffer.alloc(0))).toBe(200);
    await expect(fetch(`${url}/health`)).rejects.toThrow(); // nobody knows who signed it
    await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow();
  });

  test('that do not belong together are refused', async () => {
    const [one, other] = [makeCertificate(temporaryFolder()), makeCertificate(temporaryFolder())];
    await expect(readTlsFiles(one.cert, other.key)).rejects.toMatchObject({ code: 'TLS_UNUSABLE' });
    await expect(readTlsFiles(one.key, one.key)).rejects.toMatchObject({ code: 'TLS_UNUSABLE' });
  });
});

test('files that are none are named, and both or none are there', async () => {
  const file = join(temporaryFolder(), 'text');
  writeFileSync(file, 'text');
  const { code, stderr } = await runCli(['serve', '--port', '0', '--tls-cert', file, '--tls-key', `${file}-missing`]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`${file} and ${file}-missing are no certificate`)]);
  for (const [flag, other] of [
    ['--tls-cert', '--tls-key'],
    ['--tls-key', '--tls-cert'],
  ]) {
    const alone = await runCli(['serve', '--port', '0', flag ?? '', file]);
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining(`${flag} needs ${other}`)]);
  }
  expect(await readTlsFiles(undefined, undefined)).toBeUndefined();
});
