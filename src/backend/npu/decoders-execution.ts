import { DecoderQueue } from './decoder-queue.ts';
import { chunks } from './execution-plan.ts';
import type { KvCache } from './kv-cache.ts';
import type { StepInput } from './row-inputs.ts';
import type { RunContext, RunResources } from './run-context.ts';
import type { StepOutput } from './step-output.ts';

/**
 * Computes a step with decoders, which take one sequence each, in one submission to the device or a few.
 *
 * @param cache the KV cache, to which new entries are appended; a sequence's entries are the first of its window's region
 */
export async function executeDecoders(
  resources: RunResources,
  context: RunContext,
  { cache, stepInput }: { readonly cache: KvCache; readonly stepInput: StepInput },
  output: StepOutput,
): Promise<void> {
  const { tokens, tokensPerSequence, windows, kvLength, firstToken } = stepInput;
  const { decoders, slices } = context.memory;
  await cache.arrange(windows, cache.stride, kvLength);
  using queue = new DecoderQueue(resources, context);
  for (let window = 0; window < windows; window++) {
    for (const { from, count } of chunks(tokensPerSequence, [...decoders.keys()], output.wanted.logitsFrom)) {
      const token = window * tokensPerSequence + from;
      await queue.push({
        cache,
        region: window,
        window,
        position: kvLength + from,
        tokens: tokens.slice(token, token + count),
      });
      const last = firstToken + token + count - 1;
      if (output.wantsRow(last))
        queue.download(slices.logits, (bytes) =>
          output.putLogits(last, new Float32Array(bytes.buffer, bytes.byteOffset)),
        );
    }
  }
  await queue.submit();
}
