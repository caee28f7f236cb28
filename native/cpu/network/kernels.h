// The numeric loops of the operators, compiled once per processor level (kernels/kernels.cc) and reached through a table.
//
// They are handed sizes that were checked before and touch nothing but plain arrays of f32. This header holds no code: a
// function here that the linker merges could come from a level that the processor does not have.
#pragma once

#include <cstddef>

namespace network {

/** Outputs whose weights lie together; the vectors of every level divide it. */
inline constexpr size_t panel_width = 16;

/** Where the input rows of a product begin: row (n, h, w), counted in that order, is at the sum of its strides. */
struct RowGrid {
  size_t height;
  size_t width;
  size_t batch_stride;
  size_t height_stride;
  size_t width_stride;
};

/**
 * out[row][output] = bias[output] + sum over elements k, segments s of x[row + segments[s] + k] * weights[k, s][output].
 * A linear layer is one segment; a convolution over channels-last data has one for each position of its kernel.
 *
 * The sum is taken in this order wherever a row stands, so it is the same to the bit in any company. The positions of a kernel
 * are in the inner loop because their weights often cancel out: the other way round the error is three times as large.
 */
struct Product {
  const float* x;
  RowGrid grid;
  size_t rows;
  const size_t* segments;
  size_t segment_count;
  size_t segment_length;
  /** [panels][segment_length][segment_count][panel_width], zeros behind the last output */
  const float* weights;
  /** [panels][panel_width]; without it the products are added to what `out` holds */
  const float* bias;
  float* out;
  size_t out_stride;
  size_t outputs;
};

/** Shapes are row-major; `count` is the number of all elements. Unless it says otherwise, y may not overlap x. */
struct Kernels {
  void (*product)(const Product& product);

  /**
   * One step of an LSTM for one sequence.
   *
   * @param gates [4 * size] sums for the input, output, forget and cell gates
   * @param cell [size], replaced by the next one
   * @param hidden receives [size]
   */
  void (*lstm_gates)(const float* gates, float* cell, float* hidden, size_t size);

  void (*relu)(const float* x, float* y, size_t count);
  void (*leaky_relu)(const float* x, float alpha, float* y, size_t count);
  void (*sigmoid)(const float* x, float* y, size_t count);
  void (*tanh)(const float* x, float* y, size_t count);
  void (*square_root)(const float* x, float* y, size_t count);
  void (*square)(const float* x, float* y, size_t count);
  void (*absolute)(const float* x, float* y, size_t count);

  /** y[i] = a[i * a_step] + b[i * b_step], the steps 0 or 1 */
  void (*add)(const float* a, size_t a_step, const float* b, size_t b_step, float* y, size_t count);
  /** y[i] = a[i * a_step] * b[i * b_step], the steps 0 or 1 */
  void (*multiply)(const float* a, size_t a_step, const float* b, size_t b_step, float* y, size_t count);

  /** x, y [rows, width]; y = x * scale[width] + shift[width] */
  void (*scale_and_shift)(const float* x, const float* scale, const float* shift, float* y, size_t rows, size_t width);
  /** x, y [rows, width], every row to a mean of 0 and a variance of 1, then scaled and shifted */
  void (*layer_norm)(const float* x, const float* scale, const float* shift, float epsilon, float* y, size_t rows,
                     size_t width);
  /** x [rows, width] -> mean [width] and, where it is asked for, the sum of squared deviations [width] */
  void (*moments)(const float* x, size_t rows, size_t width, double* mean, double* squared_deviations);

  /** y[i] = max(y[i], x[i]), NaN where either is */
  void (*keep_maximum)(const float* x, float* y, size_t count);
  /** y[i] += x[i] */
  void (*accumulate)(const float* x, float* y, size_t count);
  /** y[i] *= factor */
  void (*scale)(float factor, float* y, size_t count);

  /** x, y [rows, width], along the width */
  void (*softmax)(const float* x, float* y, size_t rows, size_t width);
  void (*log_softmax)(const float* x, float* y, size_t rows, size_t width);
};

}  // namespace network
