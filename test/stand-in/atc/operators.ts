import type { GraphNode, Initializer } from '../onnx/model.ts';

/** What an operator's rule may look at beside the node. */
export interface RuleContext {
  readonly opset: number;
  readonly initializers: ReadonlyMap<string, Initializer>;
}

/** Why the real parser refuses the node, or why it must not be let through; undefined where it is fine. */
type Rule = (node: GraphNode, context: RuleContext) => string | undefined;

interface Operator {
  readonly from: number;
  readonly to: number;
  /** True where the plugin makes several nodes of it: those fail on an input that is left out as "". */
  readonly oneToMany: boolean;
  readonly rules: readonly Rule[];
}

function operator(rules: readonly Rule[] = [], { from = 8, to = 18, oneToMany = false } = {}): Operator {
  return { from, to, oneToMany, rules };
}

const needs =
  (attribute: string): Rule =>
  ({ attributes }) =>
    attributes.has(attribute) ? undefined : `attribute ${attribute} is mandatory`;

/** Defaults differ between opsets and plugins: graphs for the device spell the attribute out. */
const spellsOut =
  (attribute: string): Rule =>
  ({ attributes }) =>
    attributes.has(attribute)
      ? undefined
      : `attribute ${attribute} must be explicit, its default is not to be relied on`;

/** The input must be an initializer that the graph itself holds: the parser reads its value. */
const constant =
  (index: number, elementTypes: readonly number[] = [7]): Rule =>
  ({ inputs }, { initializers }) => {
    const name = inputs[index];
    if (name === undefined || name === '') return undefined;
    const initializer = initializers.get(name);
    if (initializer === undefined) return `input ${index} (${name}) must be a constant`;
    if (initializer.external !== undefined)
      return `input ${index} (${name}) must be kept in the graph, not in a weight file`;
    return elementTypes.includes(initializer.elementType) ? undefined : `input ${index} (${name}) must be int64`;
  };

/** The reduction plugins read the attribute alone; axes as an input are ignored and everything is reduced, silently. */
const reduction: Rule = ({ attributes, inputs }, { opset }) => {
  if (opset >= 18) return 'at opset 18 the real atc silently reduces over every axis: use opset 16';
  if (inputs.length > 1) return 'axes must be an attribute, not an input';
  return attributes.has('axes') ? undefined : 'attribute axes must be explicit';
};

const lastIndex: Rule = ({ attributes }) =>
  (attributes.get('select_last_index')?.int ?? 0) === 0 ? undefined : 'attribute select_last_index is not supported';

const promptAttention: Rule = ({ inputs, attributes }) => {
  if (inputs.length !== 3 && inputs.length !== 5) return 'it takes exactly 3 or 5 inputs';
  if (!attributes.has('num_heads') || !attributes.has('input_layout'))
    return 'num_heads and input_layout are mandatory';
  return 'the real atc takes this node, the stand-in cannot run it';
};

const plain =
  `Add Sub Mul Div Sqrt Pow Erf Tanh Exp Log Neg Sigmoid Relu Equal Less LessOrEqual Greater Not And Or Where
  Identity Tile Range MatMul GatherElements GatherND ScatterND Flatten Shape Size ConstantOfShape Einsum If CumSum Max Pad
  Clip Constant`.split(/\s+/);

/** The ONNX operators that atc has a parser for, with the opsets it is registered for. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ...plain.map((type) => [type, operator()] as const),
  ['GreaterOrEqual', operator([], { from: 12 })],
  ['Expand', operator([constant(1)])],
  ['Gemm', operator([], { oneToMany: true })],
  ['Conv', operator([needs('kernel_shape')], { oneToMany: true })],
  ['LayerNormalization', operator([spellsOut('axis')], { from: 17, oneToMany: true })],
  ['Softmax', operator([spellsOut('axis')])],
  ['LogSoftmax', operator([spellsOut('axis')])],
  ['Gather', operator([spellsOut('axis')])],
  ['ScatterElements', operator([], { from: 11 })],
  ['Scatter', operator([], { from: 9, to: 11 })],
  ['Concat', operator([needs('axis')])],
  ['Transpose', operator([needs('perm')])],
  ['Reshape', operator([constant(1)])],
  ['Cast', operator([needs('to')])],
  ['ReduceMean', operator([reduction])],
  ['ReduceMax', operator([reduction])],
  ['ReduceLogSumExp', operator([reduction])],
  ['ReduceSum', operator([constant(1)])],
  ['ArgMax', operator([spellsOut('axis'), lastIndex])],
  ['Squeeze', operator([constant(1)])],
  ['Unsqueeze', operator([constant(1)])],
  ['Slice', operator([() => 'the real atc needs a closed pass to find a kernel for it: take Split or Gather'])],
  ['Split', operator([constant(1), spellsOut('axis')])],
  ['TopK', operator([constant(1)])],
  ['Trilu', operator([], { from: 14 })],
  ['NonZero', operator([], { from: 9 })],
  ['OneHot', operator([], { from: 9 })],
  ['CastLike', operator([], { from: 15 })],
  [
    'NPUIncreFlashAttention',
    operator([() => 'the real atc leaves its key and value unconnected and reports success'], { from: 11, to: 16 }),
  ],
  ['NPUPromptFlashAttention', operator([promptAttention], { from: 11, to: 16, oneToMany: true })],
]);

/** The names that CANN has for operators whose ONNX name differs, as --keep_dtype and mix lists know them. */
export const cannTypes: Readonly<Record<string, readonly string[]>> = {
  Gemm: ['MatMulV2', 'MatMul'],
  MatMul: ['BatchMatMulV2', 'BatchMatMul', 'MatMulV2'],
  Conv: ['Conv2D'],
  Softmax: ['SoftmaxV2'],
  Gather: ['GatherV2'],
  Div: ['RealDiv'],
  ArgMax: ['ArgMaxV2'],
  LogSoftmax: ['LogSoftmaxV2'],
  LayerNormalization: ['LayerNorm'],
};
