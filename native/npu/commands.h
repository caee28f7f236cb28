// What is asked of a device: plain values, made on Node's thread and carried out on the device's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "binding.h"

/** Names a buffer, model or binding of one device; never reused. */
using ObjectId = uint64_t;

struct SliceRef {
  ObjectId buffer;
  size_t offset;
  size_t size_bytes;
};

/** How to load a model; memory that is left out is allocated by ACL. */
struct ModelOptions {
  struct ExternalWeight {
    std::string file_name;
    SliceRef slice;
  };

  RunMode mode;
  std::optional<ObjectId> work_buffer;
  std::optional<ObjectId> weight_buffer;
  std::vector<ExternalWeight> external_weights;
};

struct UploadCommand {
  SliceRef to;
  std::vector<std::byte> data;
};

struct UploadFileCommand {
  SliceRef to;
  std::string path;
  size_t file_offset;
};

struct FillCommand {
  SliceRef to;
  uint8_t value;
};

struct CopyCommand {
  SliceRef from;
  SliceRef to;
};

struct Rebind {
  Side side;
  size_t index;
  SliceRef slice;
};

struct ExecuteCommand {
  ObjectId binding;
  std::vector<Rebind> rebinds;
};

struct DownloadCommand {
  SliceRef from;
};

using Command =
    std::variant<UploadCommand, UploadFileCommand, FillCommand, CopyCommand, ExecuteCommand, DownloadCommand>;

/** The bytes of each download command, in order. */
using Downloads = std::vector<std::vector<std::byte>>;
