#!/usr/bin/env bash
# Installs the Debian packages that Nightjar is built and run with; with --benchmarks, the peers of Benchmarks/ too.
# Does nothing, fast, when none is missing.
# Needs root or sudo only when something is missing. Swift itself (6.3 or newer) must be there already.
set -euo pipefail

packages=(
  libprotobuf-c-dev protobuf-c-compiler # messages
  protobuf-compiler python3-protobuf    # the client in Python that the tests run
  libssl-dev openssl                    # TLS, certificates
  libopenblas-dev liblapacke-dev        # learning
  libxgboost-dev                        # learning's second stage
  libsqlite3-dev                        # stores
  xz-utils                              # the demo's data
  pkg-config make
)
[ "${1:-}" != --benchmarks ] || packages+=(liblmdb-dev redis-server libgrpc++-dev python3-venv)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  echo "install-deps.sh: installing ${missing[*]}" >&2
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "install-deps.sh: not root and no sudo. As root: apt-get install ${missing[*]}" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

command -v swift >/dev/null || {
  echo "install-deps.sh: there is no swift in PATH. Install Swift 6.3 or newer: https://www.swift.org/install" >&2
  exit 1
}
