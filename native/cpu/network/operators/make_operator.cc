#include "operators.h"

namespace network {

Operator make_operator(const std::string& type, Fields& fields, const Kernels& kernels) {
  using Make = Operator (*)(Fields&, const Kernels&);
  static const std::map<std::string, Make> makers{
      {"absolute", absolute},
      {"add", add},
      {"averagePool", average_pool},
      {"batchNorm", batch_norm},
      {"concat", concat},
      {"convolution", convolution},
      {"instanceNorm", instance_norm},
      {"layerNorm", layer_norm},
      {"leakyRelu", leaky_relu},
      {"linear", linear},
      {"logSoftmax", log_softmax},
      {"lstm", lstm},
      {"maxPool", max_pool},
      {"mean", mean},
      {"multiply", multiply},
      {"pad", pad},
      {"relu", relu},
      {"reshape", reshape},
      {"sigmoid", sigmoid},
      {"slice", slice},
      {"softmax", softmax},
      {"square", square},
      {"squareRoot", square_root},
      {"statisticsPool", statistics_pool},
      {"tanh", tanh},
      {"transpose", transpose},
  };
  const auto found = makers.find(type);
  if (found == makers.end()) throw NetworkError("there is no operator " + type);
  return found->second(fields, kernels);
}

}  // namespace network
