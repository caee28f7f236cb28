import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { sendText } from './http/exchange.ts';
import { RequestError } from './http/request-error.ts';
import type { Route } from './http/router.ts';

const folder = new URL('./page/', import.meta.url);
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** The page runs its own scripts and nothing else, speaks to its own server and nobody else, and stands in no other page. */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    'media-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
};

/** The page for people and its files. Whoever reaches the server may see it; it asks for the key itself. */
export function pageRoutes(): Route[] {
  const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
  const send = (name: string): Route['handle'] => {
    return (exchange) => sendText(exchange, files.get(name) ?? missing(name), types[extname(name)] ?? '', { headers });
  };
  return [
    { method: 'GET', path: '/', isOpen: true, isAlways: true, handle: send('index.html') },
    {
      method: 'GET',
      path: '/page/{file}',
      isOpen: true,
      isAlways: true,
      handle: (exchange, [name = '']) => send(name)(exchange, []),
    },
  ];
}

function missing(name: string): never {
  throw new RequestError(404, 'NOT_FOUND', `there is nothing at /page/${name.slice(0, 100)}`);
}
