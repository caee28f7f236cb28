#!/usr/bin/env bash
# Runs a command with CANN's environment: its images set it for login shells alone.
set -euo pipefail
for script in "${ASCEND_TOOLKIT_HOME:-/nonexistent}/set_env.sh" /usr/local/Ascend/ascend-toolkit/set_env.sh \
  /usr/local/Ascend/cann/set_env.sh /usr/local/Ascend/nnrt/set_env.sh; do
  if [ -r "$script" ]; then
    # CANN's script reads variables that are not set.
    set +u
    # shellcheck source=/dev/null
    source "$script"
    set -u
    break
  fi
done
# The driver's libraries come with the machine, and not every set_env.sh looks for them.
driver=/usr/local/Ascend/driver/lib64
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$driver:$driver/driver:$driver/common"
exec "$@"
