#!/bin/sh
# Rotates what the server shows to its clients.
set -eu
. "$(dirname "$0")/site.sh"
: >"$work/openssl.log"

authority "$pki/ca" "site CA" || failed "the authority"
renew_leaf || failed "the renewal"
echo "rotation done"
