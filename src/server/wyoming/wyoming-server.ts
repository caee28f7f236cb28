import { createServer, type Socket } from 'node:net';
import { type AnsweredRequest, addressOf, cannotListen } from '../http/http-server.ts';
import type { ServerParts } from '../server-parts.ts';
import { type Conversation, converse } from './conversation.ts';

export interface WyomingServerOptions {
  readonly host: string;
  readonly port: number;
  readonly parts: ServerParts;
  readonly maxConnections: number;
  readonly idleMs?: number;
  onAnswered(answered: AnsweredRequest): void;
}

/** A server that speaks the Wyoming protocol, which Home Assistant knows. It has no keys. */
export interface WyomingServer {
  /** Its address, as `tcp://127.0.0.1:10300`. */
  readonly url: string;
  /** Takes nothing more; ends when what has begun has been answered. */
  drain(): Promise<void>;
  /** Breaks all connections off. */
  close(): Promise<void>;
}

const usualIdleMs = 60_000;

/** @throws WhisperNpuError 'CANNOT_LISTEN' */
export async function openWyomingServer(options: WyomingServerOptions): Promise<WyomingServer> {
  const { host, port, parts, onAnswered, idleMs = usualIdleMs } = options;
  const state = { isDraining: false };
  const conversations = new Map<Socket, Conversation>();
  const server = createServer((socket) => {
    const conversation = converse(socket, { parts, idleMs, isDraining: () => state.isDraining, onAnswered });
    conversations.set(socket, conversation);
    conversation.over.finally(() => conversations.delete(socket)).catch(() => socket.destroy());
  });
  server.maxConnections = options.maxConnections;
  await new Promise<void>((resolve, reject) => {
    const hint = 'choose another port with --wyoming';
    server.once('error', (cause: NodeJS.ErrnoException) => reject(cannotListen(options, cause, hint)));
    server.listen({ host, port }, resolve);
  });
  const drain = (): Promise<void> => {
    state.isDraining = true;
    for (const [socket, { isBusy }] of conversations) if (!isBusy) socket.end(() => socket.destroySoon());
    return new Promise((resolve) => void server.close(() => resolve()));
  };
  return {
    url: addressOf(server, 'tcp'),
    drain,
    async close() {
      const closed = drain();
      const all = [...conversations];
      for (const [socket] of all) socket.destroy();
      await Promise.allSettled(all.map(([, { over }]) => over));
      await closed;
    },
  };
}
