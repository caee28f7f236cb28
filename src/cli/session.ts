import type { SourceName } from '../model/fetch/context.ts';
import type { ModelContext } from '../model/resolve-model.ts';
import { storeDirectory } from '../model/store.ts';
import { pullProgress } from './pull-progress.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** What a command gets from the process it runs in. */
export interface Session {
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadableStream;
  readonly stderr: NodeJS.WriteStream;
  /** For what it can show; results are written by print(). */
  readonly stdout: NodeJS.WriteStream;
  /**
   * Writes one piece of a result, waiting where the reader is slow. Programs get it as it is; on a terminal control
   * characters are shown, not sent, as JSON writes them.
   *
   * @param isStyled whether it brings its own colours, and what it quotes has been made printable
   */
  print(text: string, isStyled?: boolean): Promise<void>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Has Ctrl-C do this instead of that. */
  insteadOfAborting(finish: () => void): void;
}

/** The options that say how a model is found. */
interface ModelSourceOptions {
  readonly source?: SourceName;
  readonly offline?: boolean;
}

export function sessionTerminal(session: Session, options: { readonly quiet?: boolean }): Terminal {
  return openTerminal(session.stderr, options.quiet === true);
}

export function modelContext(session: Session, options: ModelSourceOptions, terminal: Terminal): ModelContext {
  return {
    storeDirectory: storeDirectory(session.env),
    env: session.env,
    signal: session.signal,
    onEvent: pullProgress(terminal),
    ...(options.source === undefined ? {} : { source: options.source }),
    ...(options.offline === undefined ? {} : { offline: options.offline }),
  };
}
