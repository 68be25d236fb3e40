# What the scripts of this site share: where things are, and how a certificate is made.
# Read by rotate.sh and reload.sh through `.`; `lab` is the folder of the site.

: "${lab:=$(cd "$(dirname "$0")/.." && pwd -P)}"
pki=$lab/pki
work=$lab/work
export OPENSSL_CONF="$work/openssl.cnf"

# The instant that lies so many days from now, as openssl wants it; `date` cannot count days everywhere.
instant() {
    awk -v now="$(date -u +%s)" -v days="$1" 'BEGIN {
        t = now + days * 86400; d = int(t / 86400); s = t - d * 86400
        z = d + 719468; era = int(z / 146097); doe = z - era * 146097
        yoe = int((doe - int(doe / 1460) + int(doe / 36524) - int(doe / 146096)) / 365)
        doy = doe - (365 * yoe + int(yoe / 4) - int(yoe / 100)); mp = int((5 * doy + 2) / 153)
        day = doy - int((153 * mp + 2) / 5) + 1; month = mp < 10 ? mp + 3 : mp - 9
        year = yoe + era * 400 + (month <= 2 ? 1 : 0)
        printf "%04d%02d%02d%02d%02d%02dZ\n", year, month, day, int(s / 3600), int(s % 3600 / 60), s % 60
    }'
}

# key PATH: a new private key, for its owner alone.
key() {
    (umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out "$1") >>"$work/openssl.log" 2>&1
}

# sign CERTIFICATE KEY NAME AUTHORITY SORT FROM TO: a certificate for a key; days count from now, `self` signs itself.
sign() {
    openssl req -new -key "$2" -subj "/CN=$3" -out "$work/request" >>"$work/openssl.log" 2>&1 || return 1
    if [ "$4" = self ]; then
        set -- "$@" -selfsign -keyfile "$2"
    else
        set -- "$@" -cert "$4.crt" -keyfile "$4.key"
    fi
    out=$1 sort=$5 from=$6 to=$7
    shift 7
    : >"$work/index"
    openssl ca -batch -notext -in "$work/request" -out "$work/signed" -extensions "$sort" \
        -startdate "$(instant "$from")" -enddate "$(instant "$to")" "$@" >>"$work/openssl.log" 2>&1 || return 1
    cat "$work/signed" >"$out"
    rm -f "$work/request" "$work/signed"
}

# authority PATH NAME: a certificate authority for ten years, two of them gone.
authority() {
    key "$1.key" && sign "$1.crt" "$1.key" "$2" self authority -730 2920
}

# leaf PATH NAME AUTHORITY SORT FROM TO
leaf() {
    key "$1.key" && sign "$1.crt" "$1.key" "$2" "$3" "$4" "$5" "$6"
}

# Everything a site like this has; server.crt ran out 61 days ago, the others are good.
build_pki() {
    mkdir "$pki" "$pki/etcd" "$pki/conf" "$work" || return 1
    chmod 700 "$work"
    cat >"$OPENSSL_CONF" <<CNF
[ ca ]
default_ca = site
[ site ]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = named
unique_subject = no
[ named ]
commonName = supplied
[ req ]
distinguished_name = none
[ none ]
[ authority ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ server ]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:kyousuke, DNS:localhost, IP:127.0.0.1
[ client ]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
CNF
    authority "$pki/ca" "site CA" &&
        authority "$pki/etcd/ca" "etcd CA" &&
        authority "$pki/front-proxy-ca" "front proxy CA" &&
        leaf "$pki/server" kyousuke "$pki/ca" server -426 -61 &&
        leaf "$pki/admin" komari "$pki/ca" client -40 325 &&
        leaf "$pki/metrics" metrics "$pki/ca" client -40 325 &&
        leaf "$pki/front-proxy-client" front-proxy "$pki/front-proxy-ca" client -40 325 &&
        leaf "$pki/etcd/server" kyousuke "$pki/etcd/ca" server -40 325 &&
        leaf "$pki/etcd/peer" kyousuke "$pki/etcd/ca" server -40 325 &&
        key "$pki/sa.key" &&
        openssl ec -in "$pki/sa.key" -pubout -out "$pki/sa.pub" >>"$work/openssl.log" 2>&1 || return 1
    ln -s server.crt "$pki/current.crt"
    printf 'listen = 127.0.0.1\ncertificate = server.crt\nkey = server.key\n' >"$pki/conf/server.conf"
    printf 'client_ca = ca.crt\nrequire = no\n' >"$pki/conf/clients.conf"
    printf 'signing_key = sa.key\nverify_key = sa.pub\n' >"$pki/conf/tokens.conf"
    rm -f "$work"/[0-9A-F]*.pem "$work"/index*
}

# renew_leaf: a new key and a new certificate for the server, by the authority that is there.
renew_leaf() {
    leaf "$work/new" kyousuke "$pki/ca" server 0 365 || return 1
    chmod 644 "$work/new.crt"
    mv "$work/new.key" "$pki/server.key"
    mv "$work/new.crt" "$pki/server.crt"
    rm -f "$work"/[0-9A-F]*.pem "$work"/index*
}

# failed WHAT: ends a script with the words of openssl.
failed() {
    echo "$1 failed; the words of openssl:" >&2
    cat "$work/openssl.log" >&2
    exit 1
}
