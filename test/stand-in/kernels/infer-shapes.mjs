/** Types and dimensions of what a graph computes, for the operators that src/graph uses. */

const bool = 9;
const int64 = 7;

/** Adds every node's results to `tensors`. */
export function inferShapes({ nodes, tensors }) {
  for (const { type, inputs, outputs, attributes } of nodes) {
    const operands = inputs.map((name) => tensors.get(name));
    const rule = rules[type];
    if (rule === undefined) throw new Error(`nothing is known of the operator ${type}`);
    const results = [rule(operands, attributes, outputs.length)].flat();
    for (const [i, result] of results.entries())
      tensors.set(outputs[i], { type: operands[0].type, weight: false, ...result });
  }
}

const same = ([{ dims }]) => ({ dims });
const together = (operands) => ({ dims: operands.map(({ dims }) => dims).reduce(broadcast) });
const compared = (operands) => ({ ...together(operands), type: bool });
const reduced = ([{ dims }], attributes) => {
  const axes = attributes.get('axes').map((axis) => at(axis, dims));
  const keeps = attributes.get('keepdims') === 1;
  return {
    dims: keeps ? dims.map((dim, i) => (axes.includes(i) ? 1 : dim)) : dims.filter((_, i) => !axes.includes(i)),
  };
};

const rules = {
  Add: together,
  Div: together,
  Mul: together,
  Pow: together,
  Sub: together,
  Less: compared,
  Where: ([condition, yes, no]) => ({ ...together([condition, yes, no]), type: yes.type }),
  Erf: same,
  Identity: same,
  Softmax: same,
  Sqrt: same,
  Cast: ([{ dims }], attributes) => ({ dims, type: attributes.get('to') }),
  ReduceLogSumExp: reduced,
  ReduceMax: reduced,
  ReduceMean: reduced,
  ArgMax: ([{ dims }], attributes) => ({
    dims: dims.filter((_, i) => i !== at(attributes.get('axis'), dims)),
    type: int64,
  }),
  Concat(operands, attributes) {
    const axis = at(attributes.get('axis'), operands[0].dims);
    const length = operands.reduce((sum, { dims }) => sum + dims[axis], 0);
    return { dims: operands[0].dims.map((dim, i) => (i === axis ? length : dim)) };
  },
  Split([{ dims }, { values }], attributes) {
    const axis = at(attributes.get('axis'), dims);
    return values.map((size) => ({ dims: dims.map((dim, i) => (i === axis ? size : dim)) }));
  },
  Gather([{ dims }, { dims: picked }], attributes) {
    const axis = at(attributes.get('axis'), dims);
    return { dims: [...dims.slice(0, axis), ...picked, ...dims.slice(axis + 1)] };
  },
  Gemm([a, b], attributes) {
    return { dims: [a.dims[0], b.dims[attributes.get('transB') === 1 ? 0 : 1]] };
  },
  MatMul([a, b]) {
    const batch = broadcast(a.dims.slice(0, -2), b.dims.slice(0, -2));
    return { dims: [...batch, a.dims.at(-2), b.dims.at(-1)] };
  },
  Conv([{ dims }, { dims: kernel }], attributes) {
    const [before, behind] = attributes.get('pads');
    const frames = Math.floor((dims[2] + before + behind - kernel[2]) / attributes.get('strides')[0]) + 1;
    return { dims: [dims[0], kernel[0], frames] };
  },
  Reshape([{ dims }, { values }]) {
    const size = dims.reduce((product, dim) => product * dim, 1);
    const known = values.map((value, i) => (value === 0 ? dims[i] : value));
    const rest = known.filter((value) => value !== -1).reduce((product, value) => product * value, 1);
    return { dims: known.map((value) => (value === -1 ? size / rest : value)) };
  },
  Transpose: ([{ dims }], attributes) => ({ dims: attributes.get('perm').map((from) => dims[from]) }),
  Unsqueeze: ([{ dims }, { values }]) => ({ dims: values.reduce((all, axis) => all.toSpliced(axis, 0, 1), dims) }),
  Expand: ([{ dims }, { values }]) => ({ dims: broadcast(dims, values) }),
};

function at(axis, dims) {
  return axis < 0 ? axis + dims.length : axis;
}

function broadcast(a, b) {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a.at(i - rank) ?? 1, b.at(i - rank) ?? 1];
    if (i - rank < -a.length) return b.at(i - rank);
    if (i - rank < -b.length) return a.at(i - rank);
    if (x !== y && x !== 1 && y !== 1) throw new Error(`[${a}] and [${b}] do not go together`);
    return Math.max(x, y);
  });
}
