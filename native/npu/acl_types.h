// The part of ACL's C ABI that this addon uses, written out so that it builds where no CANN is installed.
// scripts/check-acl-abi.mjs holds every type, value and signature here against the real headers.
#pragma once

#include <cstddef>
#include <cstdint>

using aclError = int;
using aclrtContext = void*;
using aclrtStream = void*;

struct aclDataBuffer;
struct aclmdlDataset;
struct aclmdlDesc;
struct aclmdlConfigHandle;
struct aclmdlExecConfigHandle;

enum aclDataType : int32_t {};
enum aclFormat : int32_t {};
enum aclrtMemAttr : uint32_t {};
enum aclrtMemcpyKind : uint32_t {};
enum aclrtMemMallocPolicy : uint32_t {};
enum aclmdlConfigAttr : uint32_t {};
enum aclmdlExecConfigAttr : uint32_t {};

inline constexpr size_t kAclNameLength = 128;
inline constexpr size_t kAclDimLimit = 128;
inline constexpr size_t kAclVersionLength = 128;

struct aclmdlIODims {
  char name[kAclNameLength];
  size_t dimCount;
  int64_t dims[kAclDimLimit];
};

#define ACL_CONSTANT(type, name, value) inline constexpr type name = static_cast<type>(value);
#include "acl_constants.inc"
#undef ACL_CONSTANT
