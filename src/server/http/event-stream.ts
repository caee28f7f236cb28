import { errorAnswer } from './error-answer.ts';
import { type Exchange, writePiece } from './exchange.ts';

/** What is sent as it comes: the type of an event, and its data as JSON. */
export interface SentEvent {
  readonly type: string;
  readonly json: string;
}

/** What stands between a client and the server takes a connection on which nothing comes for a dead one. */
const pingMs = 15_000;

/**
 * Answers with events as they come, `[DONE]` behind them. What goes wrong before the first one is an error like any other;
 * afterwards it is an event, which clients throw as one.
 */
export async function sendEvents(exchange: Exchange, events: AsyncGenerator<SentEvent>): Promise<void> {
  const { response, facts, id } = exchange;
  let next = await events.next();
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  const ping = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still at work\n\n');
  }, pingMs);
  try {
    for (; !next.done; next = await events.next())
      await writePiece(exchange, `event: ${next.value.type}\ndata: ${next.value.json}\n\n`);
    response.end('data: [DONE]\n\n');
  } catch (error) {
    facts.error = error;
    if (response.destroyed) throw error;
    response.end(`data: ${JSON.stringify(errorAnswer(error, id, facts.hidden).body)}\n\n`);
  } finally {
    clearInterval(ping);
    await events.return(undefined);
  }
}
