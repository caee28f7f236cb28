import type { ConvertEvent } from '../convert/prepare-npu.ts';
import type { Terminal } from './terminal.ts';

/** Shows how far a conversion is; atc itself says nothing for minutes. */
export function convertProgress(terminal: Terminal): (event: ConvertEvent) => void {
  return (event) => {
    if (event.kind === 'graphs')
      terminal.note(`writing graphs and ${(event.sizeBytes / 1e6).toFixed(0)} MB of weights`);
    else terminal.note(`atc: ${event.graph} (${event.index + 1} of ${event.count})`);
  };
}
