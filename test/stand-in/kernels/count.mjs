/** What a graph costs on a device, as far as open sources tell: kernels, and the bytes that they read. */
import { inferShapes } from './infer-shapes.mjs';
import { itemBytes, readGraph } from './read-graph.mjs';

/** Views, which GE's passes take out (reshape_remove, dimension_adjust, identity). */
const views = new Set(['Reshape', 'Unsqueeze', 'Identity']);

/**
 * The kernels that are left of a graph after GE's own passes, where a Gemm with a bias is two.
 *
 * @param bytes an ONNX graph of src/graph
 * @returns of each: `readBytes`, of which `weightBytes` are weights, `writtenBytes`, and `multiplyAdds` of numbers of the ONNX
 *   `type`
 */
export function kernelsOf(bytes) {
  return kernelsIn(checkedGraph(bytes));
}

/**
 * @param bytes an ONNX graph of src/graph
 * @returns `nodes`: those of the graph. `kernels`: how many kernelsOf() gives. `fused`: what is left if the passes for layer norms and
 *   biases match, which 910B's list of passes names and whose code is closed. `weightBytes`: what is read of weights; `readBytes`: of
 *   everything, unfused
 */
export function countKernels(bytes) {
  const graph = checkedGraph(bytes);
  const { nodes, tensors } = graph;
  const kernels = kernelsIn(graph);
  const sum = (what) => kernels.reduce((total, kernel) => total + kernel[what], 0);
  const computed = nodes.filter((node) => !isView(node, tensors)).length;
  return {
    nodes: nodes.length,
    kernels: kernels.length,
    fused: computed - layerNorms(nodes, consumersOf(nodes)) * (nodesOfLayerNorm - 1),
    weightBytes: sum('weightBytes'),
    readBytes: sum('readBytes'),
  };
}

/** What a dry device takes for kernels where nothing else is set (settings.cc in ../library has the same numbers). */
const dry = { kernelMs: 0.003, bytesPerMs: 800e6, halfMultiplyAddsPerMs: 70e9 };

/** A product of this type takes as long as so many in float16, by what a 910B's cube units are said to do of each. */
export function productsOfType(type) {
  return type === onnxFloat16 ? 1 : 4;
}
const onnxFloat16 = 10;

/** How long kernels take on a dry device. */
export function modelledMs(kernels) {
  const total = kernels.reduce((sum, { readBytes, writtenBytes, multiplyAdds, type }) => {
    const memory = (readBytes + writtenBytes) / dry.bytesPerMs;
    return sum + dry.kernelMs + Math.max(memory, (multiplyAdds * productsOfType(type)) / dry.halfMultiplyAddsPerMs);
  }, 0);
  return Number(total.toFixed(2));
}

function checkedGraph(bytes) {
  const graph = readGraph(bytes);
  inferShapes(graph);
  for (const { name, dims } of graph.outputs)
    if (String(graph.tensors.get(name).dims) !== String(dims)) throw new Error(`${name} is not [${dims}]`);
  return graph;
}

function kernelsIn({ nodes, tensors }) {
  return nodes.filter((node) => !isView(node, tensors)).flatMap((node) => kernelsOfNode(node, tensors));
}

function kernelsOfNode(node, tensors) {
  const outputs = node.outputs.map((name) => tensors.get(name));
  const kernel = {
    readBytes: 0,
    weightBytes: 0,
    writtenBytes: outputs.reduce((total, output) => total + sizeBytes(output), 0),
    multiplyAdds: multiplyAdds(node, tensors),
    type: outputs[0].type,
  };
  for (const [i, name] of node.inputs.entries()) {
    const tensor = tensors.get(name);
    const read = node.type === 'Gather' && i === 0 ? outputs[0] : tensor;
    kernel.readBytes += sizeBytes(read);
    if (tensor.weight) kernel.weightBytes += sizeBytes(read);
  }
  if (node.type !== 'Gemm' || node.inputs.length < 3) return [kernel];
  // The bias is read by the kernel that adds it, which reads the sum again.
  const bias = tensors.get(node.inputs[2]);
  const biasBytes = sizeBytes(bias);
  const biasWeightBytes = bias.weight ? biasBytes : 0;
  return [
    { ...kernel, readBytes: kernel.readBytes - biasBytes, weightBytes: kernel.weightBytes - biasWeightBytes },
    { ...kernel, readBytes: biasBytes + kernel.writtenBytes, weightBytes: biasWeightBytes, multiplyAdds: 0 },
  ];
}

/** Of products; what all else computes is little beside what it reads. */
function multiplyAdds({ type, inputs, outputs, attributes }, tensors) {
  const [a, b] = inputs.map((name) => tensors.get(name).dims);
  const results = product(tensors.get(outputs[0]).dims);
  if (type === 'Gemm') return results * (attributes.get('transA') === 1 ? a[0] : a[1]);
  if (type === 'MatMul') return results * a.at(-1);
  return type === 'Conv' ? results * product(b.slice(1)) : 0;
}

function product(dims) {
  return dims.reduce((all, dim) => all * dim, 1);
}

function sizeBytes({ type, dims }) {
  return product(dims) * itemBytes(type);
}

/** A transpose that only moves axes of 1 is a view too (dim1_transpose_to_squeeze). */
function isView({ type, inputs, attributes }, tensors) {
  if (type !== 'Transpose') return views.has(type);
  const { dims } = tensors.get(inputs[0]);
  const long = attributes.get('perm').filter((axis) => dims[axis] !== 1);
  return long.every((axis, i) => i === 0 || axis > long[i - 1]);
}

/** ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add, as LayerNormONNXFusionPass knows them. */
const nodesOfLayerNorm = 9;

/** How many layer norms are written out: a difference that is both squared and divided by the root of its mean square. */
function layerNorms(nodes, consumers) {
  const next = (node, type) => (consumers.get(node.outputs[0]) ?? []).find((consumer) => consumer.type === type);
  const chain = ['Pow', 'ReduceMean', 'Add', 'Sqrt', 'Div', 'Mul', 'Add'];
  return nodes.filter((node) => {
    if (node.type !== 'Sub' || next(node, 'Div') === undefined) return false;
    return chain.reduce((last, type) => last && next(last, type), node) !== undefined;
  }).length;
}

function consumersOf(nodes) {
  const consumers = new Map();
  for (const node of nodes)
    for (const input of node.inputs) consumers.set(input, [...(consumers.get(input) ?? []), node]);
  return consumers;
}
