// The table of one level of processors: compiled once for each, with its flags and its namespace in WHISPER_CPU_LEVEL.
#include "../kernels.h"

#include "elementwise.h"
#include "normalization.h"
#include "pooling.h"
#include "product.h"
#include "recurrence.h"
#include "softmax.h"

namespace network::WHISPER_CPU_LEVEL {

extern const Kernels kernels;

const Kernels kernels{
    .product = product,
    .lstm_gates = lstm_gates,
    .relu = relu,
    .leaky_relu = leaky_relu,
    .sigmoid = sigmoid,
    .tanh = tanh,
    .square_root = square_root,
    .square = square,
    .absolute = absolute,
    .add = add,
    .multiply = multiply,
    .scale_and_shift = scale_and_shift,
    .layer_norm = layer_norm,
    .moments = moments,
    .keep_maximum = keep_maximum,
    .accumulate = accumulate,
    .scale = scale,
    .softmax = softmax,
    .log_softmax = log_softmax,
};

}  // namespace network::WHISPER_CPU_LEVEL
