/** What a graph costs on a device, as far as open sources tell: kernels, and the bytes that they read. */
import { inferShapes } from './infer-shapes.mjs';
import { itemBytes, readGraph } from './read-graph.mjs';

/** Views, which GE's passes take out (reshape_remove, dimension_adjust, identity). */
const views = new Set(['Reshape', 'Unsqueeze', 'Identity']);

/**
 * @param bytes an ONNX graph of src/graph
 * @returns `nodes`: those of the graph. `kernels`: what is left of them after GE's own passes, where a Gemm with a bias is two.
 *   `fused`: what is left if the passes for layer norms and biases match, which 910B's list of passes names and whose code is
 *   closed. `weightBytes`: what is read of weights; `readBytes`: of everything, unfused
 */
export function countKernels(bytes) {
  const graph = readGraph(bytes);
  inferShapes(graph);
  const { nodes, tensors, outputs } = graph;
  for (const { name, dims } of outputs)
    if (String(tensors.get(name).dims) !== String(dims)) throw new Error(`${name} is not [${dims}]`);
  const consumers = consumersOf(nodes);
  const total = { nodes: nodes.length, kernels: 0, fused: 0, weightBytes: 0, readBytes: 0 };
  for (const node of nodes) {
    if (isView(node, tensors)) continue;
    const hasBias = node.type === 'Gemm' && node.inputs.length === 3;
    total.kernels += hasBias ? 2 : 1;
    total.fused += 1;
    for (const [i, name] of node.inputs.entries()) {
      const tensor = tensors.get(name);
      const read = node.type === 'Gather' && i === 0 ? tensors.get(node.outputs[0]) : tensor;
      total.readBytes += sizeBytes(read);
      if (tensor.weight) total.weightBytes += sizeBytes(read);
    }
    // The sum that the bias is added to is read again.
    if (hasBias) total.readBytes += sizeBytes(tensors.get(node.outputs[0]));
  }
  total.fused -= layerNorms(nodes, consumers) * (nodesOfLayerNorm - 1);
  return total;
}

function sizeBytes({ type, dims }) {
  return dims.reduce((product, dim) => product * dim, itemBytes(type));
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
