import { type Kernel, kernelsOf, productsOfType } from '../kernels/count.mjs';

/**
 * What the kernels of a graph have to do, for dry devices: lines of the number of kernels that are alike, the bytes that each reads
 * and writes, and its multiply-adds of float16.
 *
 * @returns no lines for a graph that is not like those of src/graph, which no dry device can run
 */
export function kernelCosts(onnx: Uint8Array): string[] {
  const counts = new Map<string, number>();
  for (const kernel of kernels(onnx)) {
    const { readBytes, writtenBytes, multiplyAdds, type } = kernel;
    const cost = [readBytes + writtenBytes, multiplyAdds * productsOfType(type)].join('\t');
    counts.set(cost, (counts.get(cost) ?? 0) + 1);
  }
  return [...counts].map(([cost, count]) => ['kernels', count, cost].join('\t'));
}

function kernels(onnx: Uint8Array): readonly Kernel[] {
  try {
    return kernelsOf(onnx);
  } catch {
    return [];
  }
}
