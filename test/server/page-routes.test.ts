import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { errorOf, scriptedPool, startServer } from './support/test-server.ts';

describe('the page', () => {
  test('is sent to everybody who reaches the server, with rules that let it load nothing of others', async () => {
    const { url } = await startServer(scriptedPool(), { access: { hosts: [], corsOrigins: [], apiKey: 'sk-key' } });
    const response = await fetch(`${url}/`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    const html = await response.text();
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(html).not.toMatch(/ style="| on\w+="|<style/);
  });

  test('consists of files that are there, with types that browsers take', async () => {
    const { url } = await startServer(scriptedPool());
    const files = readdirSync('src/server/page');
    expect(files).toEqual(expect.arrayContaining(['index.html', 'page.css', 'app.js', 'recorder-worklet.js']));
    for (const file of files) {
      const response = await fetch(`${url}/page/${file}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toMatch(
        /^(text\/(html|css|javascript); charset=utf-8|image\/svg\+xml)$/,
      );
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
  });

  test.each(['/page/', '/page/nothing.js', '/page/..%2fpage-routes.js', '/page/constructor'])(
    'has nothing at %s',
    async (path) => {
      const { url } = await startServer(scriptedPool());
      expect(await errorOf(await fetch(`${url}${path}`))).toMatchObject({ status: 404, code: 'not_found' });
    },
  );
});
