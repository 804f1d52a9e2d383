#!/usr/bin/env bash
# Installs the factorisation machine's peer from PyPI into a folder of its own, outside the repository.
# Usage: install-myfm.sh [FOLDER]
set -euo pipefail

folder=${1:-${NIGHTJAR_PEERS:-$HOME/.cache/nightjar-peers}}
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -c 'import myfm, sys; sys.exit(myfm.__version__ != "0.4.0")' 2>/dev/null ||
  "$folder/bin/pip" install --quiet myfm==0.4.0 numpy scipy
