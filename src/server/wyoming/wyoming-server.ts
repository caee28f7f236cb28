import { createServer, type Socket } from 'node:net';
import { type AnsweredRequest, addressOf, cannotListen } from '../http/http-server.ts';
import type { ServerParts } from '../server-parts.ts';
import { type Conversation, converse } from './conversation.ts';

export interface WyomingServerOptions {
  readonly host: string;
  readonly port: number;
  readonly parts: ServerParts;
  /** Beyond these the one that has been idle for longest gives way, or where none is the newest. */
  readonly maxConnections: number;
  readonly idleMs?: number;
  readonly probeMs?: number;
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
const usualProbeMs = 1000;

/** @throws WhisperNpuError 'CANNOT_LISTEN' */
export async function openWyomingServer(options: WyomingServerOptions): Promise<WyomingServer> {
  const { host, port, parts, onAnswered, idleMs = usualIdleMs, probeMs = usualProbeMs } = options;
  const state = { isDraining: false };
  const conversations = new Map<Socket, Conversation>();
  const makeRoom = (): boolean => {
    const idle = [...conversations].find(([, { isBusy }]) => !isBusy)?.[0];
    idle?.destroy();
    return idle !== undefined && conversations.delete(idle);
  };
  const conversing = { parts, idleMs, probeMs, isDraining: () => state.isDraining, onAnswered };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    if (conversations.size >= options.maxConnections && !makeRoom()) return void socket.destroy();
    const conversation = converse(socket, conversing);
    conversations.set(socket, conversation);
    conversation.over.finally(() => conversations.delete(socket)).catch(() => socket.destroy());
  });
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
