import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { RequestError } from './request-error.ts';

/** Who may ask a server. */
export interface AccessRules {
  /** The key that everybody has to send; without one nobody has to. */
  readonly apiKey?: string | undefined;
  /** Names that the server answers to, in small letters; addresses are always answered to. */
  readonly hosts: readonly string[];
  /** Origins of web pages that may use it. */
  readonly corsOrigins: readonly string[];
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine reaches an address to listen on. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * A page that somebody visits may have its own name lead to this machine (DNS rebinding), and then is of the same origin as
 * what it asks for. Its name is in `Host`; an address cannot be led elsewhere.
 *
 * @throws RequestError 403
 */
export function checkHost({ headers }: IncomingMessage, { hosts }: AccessRules): void {
  const name = hostName(headers.host ?? '');
  if (name === undefined || !(isIP(name) !== 0 || name === 'localhost' || hosts.includes(name)))
    throw new RequestError(403, 'HOST_FORBIDDEN', `this server does not answer as ${shownHeader(headers.host)}`, {
      hint: 'ask for it by its address, or start it with --allow-host',
    });
}

/** @returns the name in small letters and an address without brackets; undefined for what is neither */
function hostName(host: string): string | undefined {
  const address = /^\[([0-9a-f:.]+)\](:\d{1,5})?$/i.exec(host)?.[1];
  if (address !== undefined) return address;
  return /^([a-z0-9._-]+)(:\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase();
}

/**
 * A web page may send a form anywhere without being asked; what sends it says from which origin it is.
 *
 * @returns the origin to allow reading the answer, where it is another one than the server's
 * @throws RequestError 403
 */
export function checkOrigin(
  { method, headers }: IncomingMessage,
  rules: AccessRules,
  scheme: string,
): string | undefined {
  const { origin } = headers;
  // A page that came through a proxy that ends TLS is of `https:`, whatever this server speaks.
  if (origin === undefined || [scheme, 'https'].some((known) => origin === `${known}://${headers.host}`))
    return undefined;
  if (rules.corsOrigins.includes(origin.toLowerCase())) return origin;
  // What only reads is not kept from asking, but the page will not get to see the answer.
  if (method === 'GET' || method === 'HEAD') return undefined;
  throw new RequestError(403, 'ORIGIN_FORBIDDEN', `web pages of ${shownHeader(origin)} may not use this server`, {
    hint: 'start it with --cors-origin',
  });
}

/** @throws RequestError 401 */
export function checkKey({ headers }: IncomingMessage, { apiKey }: AccessRules): void {
  if (apiKey === undefined) return;
  const given = /^Bearer +([!-~]+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (given === undefined)
    throw new RequestError(401, 'API_KEY_MISSING', 'this server asks for a key: send Authorization: Bearer KEY');
  if (!isSame(given, apiKey)) throw new RequestError(401, 'INVALID_API_KEY', 'the key is not the one of this server');
}

/** Compares digests, which are equally long, so that the time says nothing of how much of a key was right. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

function shownHeader(value: string | undefined): string {
  return value === undefined || value === '' ? 'nobody' : value.slice(0, 100);
}
