#!/usr/bin/env bash
# Runs the tests of what lies in S3 against moto, a server of PyPI's that speaks like it, in an environment of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet 'moto[server]==5.*'
WHISPER_NPU_TEST_MOTO="$folder/bin/moto_server" npx vitest run test/queue/s3/objects.test.ts
