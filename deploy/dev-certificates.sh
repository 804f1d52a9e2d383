#!/usr/bin/env bash
# Makes, and renews when near their end, certificates for development: a CA and one certificate per identity.
#
#   dev-certificates.sh DIR [ROLE/NAME[:DNS,DNS...] ...]
#
# DIR/ca.pem, DIR/ca-key.pem            the CA
# DIR/ROLE-NAME.pem, ROLE-NAME-key.pem  an identity: one URI, spiffe://nightjar/ROLE/NAME, and the DNS names localhost
#                                       and those given. P-256, valid for NIGHTJAR_CERTIFICATE_DAYS (30) days.
# Without identities it makes those of `nightjar up`. Certificates of this CA with a day or more left are kept.
set -euo pipefail
umask 077

[ $# -ge 1 ] && [ "${1#-}" = "$1" ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
shift
days=${NIGHTJAR_CERTIFICATE_DAYS:-30}
one_day=86400
[ $# -gt 0 ] || set -- ingest/a control/a 'ranker/a:*.ranker.example' trainer/node-1 trainer/node-2 platform/cli admin/cli

mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9
work=$(mktemp -d "$folder/.making.XXXXXX")
trap 'rm -rf "$work"' EXIT
openssl=$(command -v openssl) || { echo "dev-certificates.sh: openssl is missing; run deploy/install-deps.sh" >&2; exit 1; }

# lasts FILE: the certificate exists and has a day or more left.
lasts() { [ -s "$1" ] && "$openssl" x509 -in "$1" -noout -checkend "$one_day" >/dev/null 2>&1; }

# is_ours FILE: it is by the present CA.
is_ours() { "$openssl" verify -CAfile "$folder/ca.pem" "$1" >/dev/null 2>&1; }

new_key() { "$openssl" genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

if ! lasts "$folder/ca.pem" || [ ! -s "$folder/ca-key.pem" ]; then
  new_key "$work/ca-key.pem"
  "$openssl" req -x509 -new -key "$work/ca-key.pem" -subj "/CN=Nightjar development CA" -days $((days * 12)) -sha256 \
    -addext basicConstraints=critical,CA:true,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/ca.pem"
  # A certificate is there only when its key is: what is cut short between the two is made again.
  rm -f "$folder/ca.pem"
  mv "$work/ca-key.pem" "$folder/ca-key.pem"
  mv "$work/ca.pem" "$folder/ca.pem"
fi

for identity in "$@"; do
  who=${identity%%:*}
  role=${who%%/*}
  name=${who#*/}
  names=DNS:localhost
  if [ "$identity" != "$who" ]; then
    if ! [[ ${identity#*:} =~ ^[A-Za-z0-9*._-]+(,[A-Za-z0-9*._-]+)*$ ]]; then
      echo "dev-certificates.sh: '${identity#*:}' in '$identity' is not DNS,DNS...: names with commas between them" >&2
      exit 2
    fi
    names=$names,DNS:$(sed 's/,/,DNS:/g' <<<"${identity#*:}")
  fi
  case $role in
    ingest | control | ranker) usage=serverAuth,clientAuth ;;
    trainer | platform | tenant | admin) usage=clientAuth ;;
    *) echo "dev-certificates.sh: '$role' in '$identity' is no role: ingest, control, ranker, trainer, platform, tenant or admin" >&2; exit 2 ;;
  esac
  # A name's certificate would take the file of another name's key where it ended in -key.
  if [ "$who" = "$role" ] || ! [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$ ]] || [[ $name = *-key ]]; then
    echo "dev-certificates.sh: '$identity' is not ROLE/NAME, the name 1 to 63 of A-Z a-z 0-9 . _ -, not ending in -key" >&2
    exit 2
  fi
  file=$folder/$role-$name
  if [ -s "$file-key.pem" ] && lasts "$file.pem" && is_ours "$file.pem"; then continue; fi
  new_key "$work/key.pem"
  "$openssl" req -new -key "$work/key.pem" -subj "/CN=$name" -out "$work/request.pem"
  cat >"$work/extensions" <<END
basicConstraints=critical,CA:false
keyUsage=critical,digitalSignature
extendedKeyUsage=$usage
subjectAltName=URI:spiffe://nightjar/$role/$name,$names
END
  "$openssl" x509 -req -in "$work/request.pem" -CA "$folder/ca.pem" -CAkey "$folder/ca-key.pem" -days "$days" -sha256 \
    -set_serial "0x$("$openssl" rand -hex 16)" -extfile "$work/extensions" -out "$work/leaf.pem" 2>"$work/said" ||
    { cat "$work/said" >&2; exit 1; }
  cat "$work/leaf.pem" "$folder/ca.pem" >"$work/chain.pem"
  rm -f "$file.pem"
  mv "$work/key.pem" "$file-key.pem"
  mv "$work/chain.pem" "$file.pem"
done
