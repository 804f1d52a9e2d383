#!/usr/bin/env bash
# Installs the benchmarks' peers from PyPI into a folder of their own, outside the repository; prints nothing when they are there.
# Usage: install-peers.sh [FOLDER]
set -euo pipefail

folder=${1:-${NIGHTJAR_PEERS:-$HOME/.cache/nightjar-peers}}
packages=(implicit==0.7.3 myfm==0.4.0 numpy scipy)

[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -c 'import implicit, myfm; assert (implicit.__version__, myfm.__version__) == ("0.7.3", "0.4.0")' \
  2>/dev/null || "$folder/bin/pip" install --quiet "${packages[@]}"
