#include "om_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>

namespace stand_in {
namespace {

constexpr std::uint64_t kHeaderSize = 256;
constexpr std::uint32_t kMagic = 0x444F4D49;
constexpr std::uint8_t kBundleModel = 5;
constexpr std::uint32_t kMostPartitions = 64;
constexpr std::uint32_t kModelDef = 0;
constexpr std::uint32_t kWeights = 1;
constexpr std::uint32_t kTaskInfo = 2;
constexpr std::uint32_t kInOutInfo = 8;
constexpr std::uint64_t kLargestText = 256ULL << 20;

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

struct Failure {
  aclError code;
  std::string text;
};

/** The partitions by type; the stored offsets are ignored, as the real loader does, and the data walked in order. */
std::map<std::uint32_t, Partition> read_partitions(const OmSource& source) {
  std::array<std::byte, kHeaderSize> header{};
  if (source.size() == 0) throw Failure{kGeLeakedParamInvalid, "the model file is empty"};
  if (source.size() < kHeaderSize || !source.read(0, header.data(), kHeaderSize)) {
    throw Failure{kGeModelSize, "the model is smaller than its header of 256 bytes"};
  }
  if (load<std::uint32_t>(header.data()) != kMagic) throw Failure{kGeParam, "the model's magic number is wrong"};
  const auto modern = load<std::uint64_t>(header.data() + 184);
  const std::uint64_t length = modern != 0 ? modern : load<std::uint32_t>(header.data() + 76);
  if (length != source.size() - kHeaderSize) {
    throw Failure{kGeParam, "the model's length " + std::to_string(length) + " and the " +
                                std::to_string(source.size() - kHeaderSize) + " bytes after its header differ"};
  }
  if (load<std::uint8_t>(header.data() + 82) == kBundleModel) throw Failure{kGeFailure, "the model is a bundle"};
  if (modern == 0) throw Failure{kGeLoadModel, "stand-in: the old partition table (model_length 0) is not supported"};

  std::array<std::byte, 8> count_bytes{};
  if (!source.read(kHeaderSize, count_bytes.data(), count_bytes.size())) {
    throw Failure{kGeParam, "the model has no partition table"};
  }
  const auto count = load<std::uint32_t>(count_bytes.data());
  if (count == 0 || count > kMostPartitions) throw Failure{kGeParam, "the model's partition count is wrong"};
  std::vector<std::byte> table(count * 24ULL);
  std::uint64_t position = kHeaderSize + 8 + table.size();
  if (!source.read(kHeaderSize + 8, table.data(), table.size())) {
    throw Failure{kGeParam, "the model's partition table is cut off"};
  }
  std::map<std::uint32_t, Partition> partitions;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto type = load<std::uint32_t>(table.data() + i * 24ULL);
    const auto size = load<std::uint64_t>(table.data() + i * 24ULL + 16);
    if (size > source.size() - position) throw Failure{kGeParam, "a partition of the model is cut off"};
    partitions[type] = {position, size};
    position += size;
  }
  if (position != source.size()) throw Failure{kGeParam, "the model's partitions do not fill it"};
  return partitions;
}

std::string read_text(const OmSource& source, const std::map<std::uint32_t, Partition>& partitions, std::uint32_t type,
                      aclError missing) {
  const auto found = partitions.find(type);
  if (found == partitions.end() || found->second.size > kLargestText) {
    throw Failure{missing, "partition " + std::to_string(type) + " of the model is missing"};
  }
  std::string text(found->second.size, '\0');
  if (!source.read(found->second.offset, text.data(), text.size())) {
    throw Failure{missing, "partition " + std::to_string(type) + " of the model cannot be read"};
  }
  return text;
}

/** The length-delimited fields of a protobuf message with that number; nothing where the message is malformed. */
std::optional<std::vector<std::string_view>> protobuf_fields(std::string_view message, std::uint64_t wanted) {
  std::vector<std::string_view> fields;
  const auto varint = [&]() -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (message.empty()) return std::nullopt;
      const auto byte = static_cast<std::uint8_t>(message.front());
      message.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return std::nullopt;
  };
  while (!message.empty()) {
    const auto tag = varint();
    if (!tag) return std::nullopt;
    std::optional<std::uint64_t> size;
    switch (*tag & 7) {
      case 0:
        if (!varint()) return std::nullopt;
        continue;
      case 1:
        size = 8;
        break;
      case 5:
        size = 4;
        break;
      case 2:
        size = varint();
        break;
      default:
        return std::nullopt;
    }
    if (!size || *size > message.size()) return std::nullopt;
    if ((*tag & 7) == 2 && *tag >> 3 == wanted) fields.push_back(message.substr(0, *size));
    message.remove_prefix(*size);
  }
  return fields;
}

/** The string attributes (field 11, map<string, AttrDef>, AttrDef.s = 2) of a ModelDef. */
std::map<std::string, std::string> model_attributes(std::string_view model_def) {
  const auto entries = protobuf_fields(model_def, 11);
  if (!entries) throw Failure{kGeModelPartition, "the model definition cannot be parsed"};
  std::map<std::string, std::string> attributes;
  for (const std::string_view entry : *entries) {
    const auto key = protobuf_fields(entry, 1);
    const auto value = protobuf_fields(entry, 2);
    if (!key || key->empty() || !value || value->empty()) continue;
    const auto text = protobuf_fields(value->front(), 2);
    if (text && !text->empty()) attributes[std::string(key->front())] = text->front();
  }
  return attributes;
}

TensorInfo read_tensor(std::istringstream& fields) {
  TensorInfo tensor;
  std::string dims;
  std::string data_type;
  std::string format;
  std::getline(fields, tensor.name, '\t');
  std::getline(fields, data_type, '\t');
  std::getline(fields, format, '\t');
  std::getline(fields, dims, '\t');
  tensor.data_type = std::stoi(data_type);
  tensor.format = std::stoi(format);
  tensor.size = data_type_size(tensor.data_type);
  std::istringstream list(dims);
  for (std::string dim; std::getline(list, dim, ',');) {
    tensor.dims.push_back(std::stoll(dim));
    tensor.size *= static_cast<std::uint64_t>(tensor.dims.back());
  }
  return tensor;
}

/** The stand-in's own form of MODEL_INOUT_INFO: tab-separated lines. */
void read_in_out(const std::string& text, OmInfo& info) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string kind;
    std::getline(fields, kind, '\t');
    if (kind == "input") info.inputs.push_back(read_tensor(fields));
    if (kind == "output") info.outputs.push_back(read_tensor(fields));
    if (kind == "weight") {
      ExternalWeight weight;
      std::getline(fields, weight.file, '\t');
      fields >> weight.size;
      info.external_weights.push_back(weight);
    }
    if (kind == "kernels") {
      KernelCost cost;
      fields >> cost.count >> cost.bytes >> cost.multiply_adds;
      info.kernels.push_back(cost);
    }
    if (kind == "sizes") fields >> info.work_size >> info.weight_size;
  }
}

}  // namespace

OmResult read_om(const OmSource& source, const std::string& soc) {
  OmResult result;
  try {
    const auto partitions = read_partitions(source);
    const auto attributes = model_attributes(read_text(source, partitions, kModelDef, kGeModelPartition));
    const auto attribute = [&](const char* name) {
      const auto found = attributes.find(name);
      return found == attributes.end() ? std::string() : found->second;
    };
    result.info.arch_type = attribute("arch_type");
    if (result.info.arch_type != arch_of_soc(soc)) {
      throw Failure{kGeFailure, "the model was converted for " + attribute("soc_version") + " (architecture " +
                                    result.info.arch_type + "), this stand-in is an " + soc};
    }
    if (attribute("atc_version").find("stand-in") == std::string::npos) {
      throw Failure{kGeLoadModel, "stand-in: the model was made by the real atc; only a real device can run it"};
    }
    read_in_out(read_text(source, partitions, kInOutInfo, kGeModelPartition), result.info);
    const auto onnx = partitions.find(kTaskInfo);
    const auto weights = partitions.find(kWeights);
    if (onnx == partitions.end()) throw Failure{kGeModelPartition, "the model has no tasks"};
    if (weights == partitions.end()) throw Failure{kGeWeightPartition, "the model has no weights"};
    result.info.onnx = onnx->second;
    result.info.weights = weights->second;
  } catch (const Failure& failure) {
    result.code = failure.code;
    result.text = failure.text;
  } catch (const std::exception&) {
    result.code = kGeModelPartition;
    result.text = "the description of inputs and outputs cannot be read";
  }
  return result;
}

std::string arch_of_soc(const std::string& soc) {
  // The longest prefix that is known decides; parts of one family share an architecture.
  struct Family {
    std::string_view prefix;
    std::string_view arch;
  };
  constexpr std::array<Family, 5> families = {{{"Ascend910B", "2201"},
                                               {"Ascend910_93", "2201"},
                                               {"Ascend310P", "2002"},
                                               {"Ascend310B", "3002"},
                                               {"Ascend910", "1001"}}};
  for (const Family& family : families) {
    if (soc.starts_with(family.prefix)) return std::string(family.arch);
  }
  return {};
}

std::uint64_t data_type_size(std::int32_t data_type) {
  switch (data_type) {
    case 2:
    case 4:
    case 12:
      return 1;
    case 1:
    case 6:
    case 7:
    case 27:
      return 2;
    case 0:
    case 3:
    case 8:
      return 4;
    case 9:
    case 10:
    case 11:
    case 16:
      return 8;
    case 17:
      return 16;
    default:
      return 0;
  }
}

}  // namespace stand_in
