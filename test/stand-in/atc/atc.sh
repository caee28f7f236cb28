#!/bin/sh
# build/stand-in/atc: starts the compiled stand-in beside it.
exec "${STAND_IN_NODE:-node}" "$(dirname "$(readlink -f "$0")")/js/atc/main.js" "$@"
