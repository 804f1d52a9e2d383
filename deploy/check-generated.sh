#!/usr/bin/env bash
# Fails when the committed C and Swift of proto/ differ from a fresh generation.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"$root/proto/generate.sh" "$fresh"
for path in Sources/CNightjarProto Sources/Messages/Generated.swift; do
  diff -r "$root/$path" "$fresh/$path" || {
    echo "check-generated.sh: $path is not what proto/ says; run 'make proto' and commit the result" >&2
    exit 1
  }
done
