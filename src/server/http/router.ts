import type { JsonSchema } from '../../options/json-schema.ts';
import type { Exchange } from './exchange.ts';
import { RequestError } from './request-error.ts';

/** What a route is for, as /openapi.json tells it. */
export interface RouteAbout {
  /** A sentence. */
  readonly summary: string;
  /** The form that comes with it. */
  readonly form?: JsonSchema;
  /** Of a good answer; 200 if not given. */
  readonly status?: number;
  /** What a good answer is, by its type. */
  readonly answers: Readonly<Record<string, JsonSchema>>;
}

/** What is answered under a path. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Parts in braces stand for anything: `/v1/models/{id}`. */
  readonly path: string;
  /** Nothing for what is no part of the interface for programs. */
  readonly about?: RouteAbout;
  /** Whether nobody needs a key for it. */
  readonly isOpen?: boolean;
  /** Whether it is answered while the server comes up and goes down. */
  readonly isAlways?: boolean;
  /** @param parts what stood in braces, in order, decoded */
  handle(exchange: Exchange, parts: readonly string[]): Promise<void> | void;
}

export interface FoundRoute {
  readonly route: Route;
  readonly parts: readonly string[];
}

/** @throws RequestError 404 where there is nothing, 405 where there is something else, 400 for a path that is none */
export function findRoute(routes: readonly Route[], method: string, path: string): FoundRoute {
  const asked = method === 'HEAD' ? 'GET' : method;
  const there = routes.flatMap((route) => {
    const parts = partsOf(route.path, path);
    return parts === undefined ? [] : [{ route, parts }];
  });
  const found = there.find(({ route }) => route.method === asked);
  if (found !== undefined) return found;
  if (there.length === 0) throw new RequestError(404, 'NOT_FOUND', `there is nothing at ${path.slice(0, 100)}`);
  const methods = there.map(({ route }) => route.method).join(', ');
  throw new RequestError(405, 'METHOD_NOT_ALLOWED', `${path.slice(0, 100)} takes ${methods}, not ${method}`, {
    allow: methods,
  });
}

/** @returns undefined where a path is another one */
function partsOf(pattern: string, path: string): string[] | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const parts: string[] = [];
  for (const [i, name] of wanted.entries()) {
    if (name.startsWith('{')) parts.push(decoded(given[i] ?? ''));
    else if (name !== given[i]) return undefined;
  }
  return parts;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new RequestError(400, 'BAD_PATH', 'the path is not written as addresses are');
  }
}
