#!/usr/bin/env bash
# Loads the cross-built addon once in an aarch64 Node under qemu-user, and lets it look for ACL. Debian only, as root:
# unpacks Debian's aarch64 Node into a temporary folder; nothing is installed but qemu-user.
#
#   npm run build:native:arm64 && bash scripts/try-arm64-addon.sh
set -euo pipefail
addon=$(cd "$(dirname "$0")/.." && pwd)/build/arm64/whisper_npu.node
folder=$(mktemp -d)
mkdir -p "$folder/archives/partial" "$folder/root"
had_arm64=$(dpkg --print-foreign-architectures | grep -c '^arm64$' || true)
clean_up() {
  rm -rf "$folder"
  [ "$had_arm64" = 1 ] || dpkg --remove-architecture arm64
}
trap clean_up EXIT
dpkg --add-architecture arm64
apt-get update -qq
apt-get install -y -qq --no-install-recommends qemu-user >/dev/null
apt-get install --download-only -y -qq --no-install-recommends -o Dir::Cache::archives="$folder/archives" nodejs:arm64 >/dev/null
for package in "$folder"/archives/*.deb; do dpkg -x "$package" "$folder/root"; done
qemu-aarch64 -L "$folder/root" "$folder/root/usr/bin/node" --eval "
  const addon = require('$addon');
  addon.setErrorConstructor(Error);
  addon.probe({ libraries: ['/nowhere/libascendcl.so'] }).then(({ libraries }) =>
    console.log(process.arch, process.version, 'loaded the addon; it looked for', libraries[0].name));"
