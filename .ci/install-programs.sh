#!/usr/bin/env bash
# Installs the programs that the checks and tests need and that this machine, a Debian, does not have.
set -euo pipefail

need() { # command, Debian package
  command -v "$1" >/dev/null || missing+=("$2")
}
missing=()
need cmake cmake
need ninja ninja-build
need c++ g++
need aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
need ffmpeg ffmpeg
need sox sox
need faketime faketime
need redis-server redis-server
need objdump binutils
need chattr e2fsprogs
need chromium chromium
# Jobs may lie in it.
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=(postgresql)
# What sox writes AMR with.
compgen -G "/usr/lib/*/sox/libsox_fmt_amr_nb.so" >/dev/null || missing+=(libsox-fmt-all)
if [ ${#missing[@]} -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
