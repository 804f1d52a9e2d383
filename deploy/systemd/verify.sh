#!/usr/bin/env bash
# Fails unless systemd finds nothing to complain of in the units. The binaries are stood in for by /bin/true, since
# they need not be installed here.
set -euo pipefail
cd "$(dirname "$0")"
command -v systemd-analyze >/dev/null || { echo "verify.sh: no systemd on this machine, units not checked" >&2; exit 0; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r nightjar-.service.d "$scratch"
units=()
for unit in nightjar-*@.service; do
  instance=${unit/@/@a}
  sed 's|^ExecStart=/usr/local/bin/nightjar-[a-z]*|ExecStart=/bin/true|; /^Documentation=/d' "$unit" >"$scratch/$unit"
  ln -s "$unit" "$scratch/$instance"
  units+=("$scratch/$instance")
done
complaints=$(SYSTEMD_UNIT_PATH="$scratch:" systemd-analyze verify --man=no "${units[@]}" 2>&1) || status=$?
[ -z "$complaints" ] && [ -z "${status:-}" ] || { echo "$complaints" >&2; exit 1; }
