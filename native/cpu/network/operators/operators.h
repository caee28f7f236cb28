// All operators. Each takes its fields from the description; their names are in the comments, weights and attributes in
// parentheses, those with ? may be left out. Tensors are f32, with shapes as in shape.h; `...` is any number of axes.
//
// They compute what ONNX's operators of the same names do, on channels-last data; weights have ONNX's shapes. An operator's
// file gives the formulas where ONNX has none.
#pragma once

#include "../operator.h"

namespace network {

/**
 * x [batch, length, in] -> y [batch, length', out], or x [batch, height, width, in] -> y [batch, height', width', out]
 * (weight [out, in / groups, kernel...], bias? [out], stride?, padding?, dilation? one per axis or one for all, groups?);
 * padding is zeros on both sides; length' = (length + 2 padding - dilation (kernel - 1) - 1) / stride + 1.
 */
Operator convolution(Fields& fields, const Kernels& kernels);

/** x [..., in] -> y [..., out] (weight [out, in], bias? [out]) */
Operator linear(Fields& fields, const Kernels& kernels);

/**
 * One layer, in one direction or both: x [batch, length, in] -> y [batch, length, directions * size], and
 * hiddenAfter?, cellAfter? [directions, batch, size], the states behind the last step
 * (hidden?, cell? [directions, batch, size], the states before the first step, else zeros; weight [directions, 4 size, in],
 * recurrence [directions, 4 size, size], bias? [directions, 8 size], gates in ONNX's order: input, output, forget, cell;
 * direction? forward, reverse or bidirectional).
 */
Operator lstm(Fields& fields, const Kernels& kernels);

/** x, y [..., width], over the last axis (scale [width], shift [width], epsilon?) */
Operator layer_norm(Fields& fields, const Kernels& kernels);

/** x, y [..., channels], by fixed figures (scale, shift, mean, variance [channels], epsilon?) */
Operator batch_norm(Fields& fields, const Kernels& kernels);

/** x, y [batch, ..., channels], over all between batch and channels (scale, shift [channels], epsilon?) */
Operator instance_norm(Fields& fields, const Kernels& kernels);

/**
 * x [batch, length, channels] -> y [batch, length', channels], or the same with height and width (kernel, stride?,
 * padding? one per axis or one for all, rounding? down or up). With rounding up a last window may reach over the end.
 * Padding and what is over the end count for nothing. The stride is the kernel where it is left out.
 */
Operator max_pool(Fields& fields, const Kernels& kernels);
Operator average_pool(Fields& fields, const Kernels& kernels);

/** x [batch, ..., channels] -> y [batch, 1, channels], the mean over all between batch and channels */
Operator mean(Fields& fields, const Kernels& kernels);

/**
 * x [batch, ..., channels] -> y [batch, 2 channels], means and standard deviations over all between batch and channels
 * (divisor? count or countLessOne: by what the sum of squared deviations is divided)
 */
Operator statistics_pool(Fields& fields, const Kernels& kernels);

/** x, y [...] */
Operator relu(Fields& fields, const Kernels& kernels);
Operator sigmoid(Fields& fields, const Kernels& kernels);
Operator tanh(Fields& fields, const Kernels& kernels);
Operator square_root(Fields& fields, const Kernels& kernels);
Operator square(Fields& fields, const Kernels& kernels);
Operator absolute(Fields& fields, const Kernels& kernels);
/** x, y [...] (alpha? what negative numbers are multiplied with, default 0.01) */
Operator leaky_relu(Fields& fields, const Kernels& kernels);

/** a, b -> y of as many axes: along each their sizes are the same, or one is 1 and repeated */
Operator add(Fields& fields, const Kernels& kernels);
Operator multiply(Fields& fields, const Kernels& kernels);

/** x, y [..., width], over the last axis */
Operator softmax(Fields& fields, const Kernels& kernels);
Operator log_softmax(Fields& fields, const Kernels& kernels);

/** xs, a list of tensors whose shapes differ along one axis only -> y, one behind the other along it (axis) */
Operator concat(Fields& fields, const Kernels& kernels);

/** x -> y, longer along one axis (axis, before?, after?, mode? zero or reflect: mirrored without its outermost element) */
Operator pad(Fields& fields, const Kernels& kernels);

/** x -> y, the elements from begin up to, not including, end along one axis (axis, begin, end) */
Operator slice(Fields& fields, const Kernels& kernels);

/** x -> y, the same elements in order (shape: its sizes, of which one may be 0, which stands for whatever is left) */
Operator reshape(Fields& fields, const Kernels& kernels);

/** x -> y, whose axis i is x's axis order[i] (order) */
Operator transpose(Fields& fields, const Kernels& kernels);

}  // namespace network
