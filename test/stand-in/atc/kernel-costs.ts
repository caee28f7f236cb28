import { type Kernel, kernelsOf } from '../kernels/count.mjs';
import { float16 } from '../onnx/model.ts';

/** A product in float32 takes as long as so many in float16, by what a 910B's cube units are said to do of each. */
const productsOfFloat32 = 4;

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
    const cost = [readBytes + writtenBytes, multiplyAdds * (type === float16 ? 1 : productsOfFloat32)].join('\t');
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
