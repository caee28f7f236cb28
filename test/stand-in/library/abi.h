// The part of the ACL C ABI that a model runner needs, declared anew from the published facts (signatures, values and
// sizes of CANN 8.5); handles are opaque numbers here, so a host that looks behind one crashes.
#pragma once

#include <cstddef>
#include <cstdint>

using aclError = std::int32_t;
using aclrtContext = void*;
using aclrtStream = void*;
using aclrtEvent = void*;
using aclrtHostFunc = void (*)(void*);
struct aclDataBuffer;
struct aclmdlDataset;
struct aclmdlDesc;
struct aclmdlConfigHandle;
struct aclmdlExecConfigHandle;

struct aclmdlIODims {
  char name[128];
  std::size_t dimCount;
  std::int64_t dims[128];
};
static_assert(sizeof(aclmdlIODims) == 1160);

namespace stand_in {

inline constexpr aclError kSuccess = 0;
inline constexpr aclError kInvalidParam = 100000;
inline constexpr aclError kUninitialized = 100001;
inline constexpr aclError kRepeatInitialize = 100002;
inline constexpr aclError kRepeatFinalize = 100037;
inline constexpr aclError kGeFailure = 500002;
inline constexpr aclError kRtParam = 107000;
inline constexpr aclError kRtInvalidDevice = 107001;
inline constexpr aclError kRtNoContext = 107002;
inline constexpr aclError kRtStreamContext = 107003;
inline constexpr aclError kRtUnaligned = 107008;
inline constexpr aclError kRtInvalidHandle = 107017;
inline constexpr aclError kRtNotSupported = 207000;
inline constexpr aclError kRtMemoryAllocation = 207001;
inline constexpr aclError kRtNoDevice = 207004;
inline constexpr aclError kRtInternal = 507000;
inline constexpr aclError kRtLostHeartbeat = 507010;
inline constexpr aclError kRtDma = 507013;
inline constexpr aclError kRtAiCoreException = 507015;
inline constexpr aclError kRtStreamSyncTimeout = 507046;
inline constexpr aclError kRtEventSyncTimeout = 507047;
inline constexpr aclError kRtDriverInternal = 507899;
inline constexpr aclError kGeParam = 145000;
inline constexpr aclError kGeModelPath = 145002;
inline constexpr aclError kGeModelId = 145003;
inline constexpr aclError kGeModelSize = 145006;
inline constexpr aclError kGeMemory = 245000;
inline constexpr aclError kGeLoadModel = 545001;
inline constexpr aclError kGeModelPartition = 545002;
inline constexpr aclError kGeWeightPartition = 545003;
// An empty model file leaks this internal GE status (PARAM_INVALID) to the caller.
inline constexpr aclError kGeLeakedParamInvalid = 1343225857;

inline constexpr std::int32_t kHostToHost = 0;
inline constexpr std::int32_t kHostToDevice = 1;
inline constexpr std::int32_t kDeviceToHost = 2;
inline constexpr std::int32_t kDeviceToDevice = 3;
inline constexpr std::int32_t kDefaultKind = 4;
inline constexpr std::int32_t kHostToBufToDevice = 5;

}  // namespace stand_in
