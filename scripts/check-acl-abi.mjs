// Holds native/npu/acl_*.inc and acl_types.h against the real CANN headers, by compiling assertions about both.
//   node scripts/check-acl-abi.mjs [folder with acl/acl.h]     default: $ASCEND_HOME_PATH/include
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const native = join(dirname(dirname(fileURLToPath(import.meta.url))), 'native', 'npu');
const home = process.env.ASCEND_HOME_PATH;
const headers = process.argv[2] ?? (home === undefined ? undefined : join(home, 'include'));

if (headers === undefined || !existsSync(join(headers, 'acl', 'acl.h'))) {
  console.log(`ACL ABI check: skipped, no CANN headers${headers === undefined ? '' : ` in ${headers}`}`);
  process.exit(process.argv[2] === undefined ? 0 : 1);
}

const enums = [
  'aclDataType',
  'aclFormat',
  'aclrtMemAttr',
  'aclrtMemcpyKind',
  'aclrtMemMallocPolicy',
  'aclmdlConfigAttr',
  'aclmdlExecConfigAttr',
];

const source = `
#include <cstddef>
#include <cstdint>
#include <type_traits>
// Ours first, out of the way in a namespace: some of the headers' constants are macros.
namespace ours {
#include "acl_types.h"
}
#include <acl/acl.h>
#include <acl/acl_mdl.h>

#define ACL_FUNCTION(result, name, ...) \\
  static_assert(std::is_same_v<result (*)(__VA_ARGS__), decltype(&::name)>, "signature of " #name);
#include "acl_functions.inc"

#define ACL_CONSTANT(type, name, value) \\
  static_assert(static_cast<long long>(name) == value, "value of " #name);
#include "acl_constants.inc"

#define ACL_STATUS(name, code, kind, meaning) static_assert(name == code, "value of " #name);
#include "acl_status.inc"

static_assert(std::is_same_v<aclError, ours::aclError> && std::is_same_v<aclrtStream, ours::aclrtStream>);
static_assert(std::is_same_v<aclrtContext, ours::aclrtContext>);
static_assert(sizeof(aclmdlIODims) == sizeof(ours::aclmdlIODims));
static_assert(offsetof(aclmdlIODims, name) == offsetof(ours::aclmdlIODims, name));
static_assert(offsetof(aclmdlIODims, dimCount) == offsetof(ours::aclmdlIODims, dimCount));
static_assert(offsetof(aclmdlIODims, dims) == offsetof(ours::aclmdlIODims, dims));
static_assert(ACL_PKG_VERSION_MAX_SIZE == ours::kAclVersionLength);
${enums
  .map(
    (name) => `static_assert(std::is_same_v<std::underlying_type_t<${name}>, std::underlying_type_t<ours::${name}>>);`,
  )
  .join('\n')}
`;

const compiler = process.env.CXX ?? 'c++';
const flags = ['-std=c++20', '-fsyntax-only', '-Wno-deprecated-declarations', '-x', 'c++', '-'];
const check = spawnSync(compiler, [`-I${native}`, '-isystem', headers, ...flags], {
  cwd: native, // where includes with quotes are looked for first
  input: source,
  encoding: 'utf8',
});
if (check.error) throw check.error;
if (check.status !== 0) {
  console.error(check.stderr);
  console.error('ACL ABI check: failed');
  process.exit(1);
}
console.log(`ACL ABI check: signatures, constants, codes and structs agree with ${headers}`);
