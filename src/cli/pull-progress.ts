import type { PullEvent } from '../model/fetch/context.ts';
import type { Terminal } from './terminal.ts';

/** Shows what happens while a model is fetched. */
export function pullProgress(terminal: Terminal): (event: PullEvent) => void {
  return (event) => {
    switch (event.kind) {
      case 'damaged':
        return terminal.warn(`${event.model} in the store is damaged and is fetched again: ${event.problem}`);
      case 'source':
        return terminal.note(`fetching from ${event.source}`);
      case 'source-failed':
        return terminal.note(`  ${event.source}: ${event.reason}`);
      case 'waiting':
        return terminal.note(`waiting for another process that fetches this model (${event.holder})`);
      case 'retry':
        return terminal.note(`  ${event.file}: ${event.reason}; trying again`);
      case 'verifying':
        return terminal.note(`  verifying ${event.file}`);
      case 'progress':
        return terminal.progress(`  ${event.file}`, event.receivedBytes, event.totalBytes);
      case 'file-done':
        return terminal.note(`  ${event.file}: ${(event.sizeBytes / 1e6).toFixed(1)} MB`);
    }
  };
}
