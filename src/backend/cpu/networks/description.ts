/**
 * A network in data, for the addon (native/cpu/network): operators over named f32 tensors, in the order in which they are
 * computed. Each tensor is written once. Sequences are [batch, length, channels] and images [batch, height, width,
 * channels]; weights have ONNX's shapes. What the operators compute: native/cpu/network/operators/operators.h.
 */
export interface NetworkDescription {
  /** By name, their sizes: fixed ones, and those that may be larger from one run to the next. */
  readonly inputs: Readonly<Record<string, readonly (number | { readonly atLeast: number })[]>>;
  readonly operators: readonly Operator[];
  /** The names of tensors that a run gives back. */
  readonly outputs: readonly string[];
}

/** An f32 tensor, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** One number for all axes, or one for each. */
type Sizes = number | readonly number[];

/** Names of the tensor that is read and of the one that is written. */
interface OneToOne {
  readonly x: string;
  readonly y: string;
}

type Operator =
  | (OneToOne & {
      readonly type:
        | 'relu'
        | 'sigmoid'
        | 'tanh'
        | 'square'
        | 'squareRoot'
        | 'absolute'
        | 'softmax'
        | 'logSoftmax'
        | 'mean';
    })
  | (OneToOne & { readonly type: 'leakyRelu'; readonly alpha?: number })
  | (OneToOne & {
      readonly type: 'convolution';
      readonly weight: string;
      readonly bias?: string;
      readonly stride?: Sizes;
      readonly padding?: Sizes;
      readonly dilation?: Sizes;
      readonly groups?: number;
    })
  | (OneToOne & { readonly type: 'linear'; readonly weight: string; readonly bias?: string })
  | (OneToOne & {
      readonly type: 'lstm';
      readonly weight: string;
      readonly recurrence: string;
      readonly bias?: string;
      readonly direction?: 'forward' | 'reverse' | 'bidirectional';
      /** The states before the first step and behind the last one. */
      readonly hidden?: string;
      readonly cell?: string;
      readonly hiddenAfter?: string;
      readonly cellAfter?: string;
    })
  | (OneToOne & {
      readonly type: 'layerNorm' | 'instanceNorm';
      readonly scale: string;
      readonly shift: string;
      readonly epsilon?: number;
    })
  | (OneToOne & {
      readonly type: 'batchNorm';
      readonly scale: string;
      readonly shift: string;
      readonly mean: string;
      readonly variance: string;
      readonly epsilon?: number;
    })
  | (OneToOne & {
      readonly type: 'maxPool' | 'averagePool';
      /** One for each axis: it says whether x is a sequence or an image. */
      readonly kernel: Sizes;
      readonly stride?: Sizes;
      readonly padding?: Sizes;
      readonly rounding?: 'down' | 'up';
    })
  | (OneToOne & { readonly type: 'statisticsPool'; readonly divisor?: 'count' | 'countLessOne' })
  | { readonly type: 'add' | 'multiply'; readonly a: string; readonly b: string; readonly y: string }
  | { readonly type: 'concat'; readonly xs: readonly string[]; readonly axis: number; readonly y: string }
  | (OneToOne & {
      readonly type: 'pad';
      readonly axis: number;
      readonly before?: number;
      readonly after?: number;
      readonly mode?: 'zero' | 'reflect';
    })
  | (OneToOne & { readonly type: 'slice'; readonly axis: number; readonly begin: number; readonly end: number })
  | (OneToOne & { readonly type: 'reshape'; readonly shape: readonly number[] })
  | (OneToOne & { readonly type: 'transpose'; readonly order: readonly number[] });
