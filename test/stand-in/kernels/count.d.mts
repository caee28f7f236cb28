/** What a kernel has to do: bytes that it reads and writes, and products of numbers of an ONNX type. */
export interface Kernel {
  readonly readBytes: number;
  readonly weightBytes: number;
  readonly writtenBytes: number;
  readonly multiplyAdds: number;
  readonly type: number;
}

/** A product of this type takes as long as so many in float16. */
export function productsOfType(type: number): number;

/** @throws Error where it does not know the graph's operators or forms, which are those of src/graph */
export function kernelsOf(bytes: Uint8Array): readonly Kernel[];
