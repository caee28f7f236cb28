#include "byte_products.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "whisper/linear.h"
#include "whisper/row_product.h"

namespace WHISPER_CPU_LEVEL {

/** The scales are 1 where a row's largest magnitude is 127, so the products are the sums themselves. */
ByteProducts byte_products(const ByteMatrix& matrix) {
  const auto& [activations, weights, inputs, outputs] = matrix;
  std::vector<int8_t> columns(inputs * outputs);
  std::vector<uint8_t> blocks(inputs * outputs);
  for (size_t output = 0; output < outputs; ++output) {
    for (size_t input = 0; input < inputs; ++input) {
      const int8_t weight = weights[output * inputs + input];
      columns[input * outputs + output] = weight;
      blocks[output * inputs + input] = static_cast<uint8_t>(weight + 128);
    }
  }
  const std::vector<float> scales(outputs * inputs / block_size(inputs), 1.0F);
  const std::string path = std::string(P_tmpdir) + "/whisper-npu-byte-products-" + std::to_string(getpid());
  std::ofstream file(path, std::ios::binary);
  std::vector<TensorLocation> locations;
  const auto write = [&](const std::string& name, const auto& values) {
    file.seekp((file.tellp() + std::streamoff{63}) / 64 * 64);
    const size_t size_bytes = values.size() * sizeof(values[0]);
    locations.push_back({name, static_cast<size_t>(file.tellp()), size_bytes});
    file.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(size_bytes));
  };
  write("linear.weight.columns", columns);
  write("linear.weight.scales", std::vector<float>(outputs, 1.0F));
  write("linear.bias", std::vector<float>(outputs));
  write("rows.blocks", blocks);
  write("rows.scales", scales);
  file.close();
  const WeightsFile weights_file(path, locations);
  std::remove(path.c_str());  // it stays mapped

  ByteProducts products{std::vector<float>(outputs), std::vector<float>(outputs)};
  Int8Linear::Input input(1, inputs);
  input.set(activations.data(), inputs, 1, inputs);
  Int8Linear(weights_file, "linear", inputs, outputs)
      .multiply(input, [&](size_t, size_t column, Floats low, Floats high) {
        store(products.of_many_rows.data() + column, low);
        store(products.of_many_rows.data() + column + lanes, high);
      });

  Activations rows(1, inputs);
  std::copy(activations.begin(), activations.end(), rows.row(0));
  rows.quantise(0);
  RowMatrix::int8_blocks(weights_file, "rows", inputs, outputs)
      .multiply(rows, 1, 0, outputs, products.of_one_row.data(), outputs);
  return products;
}

}  // namespace WHISPER_CPU_LEVEL
