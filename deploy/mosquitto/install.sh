#!/bin/sh
# Copies the broker's secrets into its volume, readable by the broker's user alone.
#
# On the host they belong to whoever ran `onenet init`, mode 0600. The broker runs as another user,
# so it could read them only if everybody could. This runs once, as root, without a network.
set -eu
from=$1 # passwords, ca.crt, server.crt, server.key
acl=$2
to=$3
owner=${4:-1883:1883} # the user mosquitto of the image
data=${5:-/mosquitto/data}

umask 077
for file in "$from/passwords" "$from/ca.crt" "$from/server.crt" "$from/server.key" "$acl"; do
    name=$(basename "$file")
    cp "$file" "$to/$name.partial"
    chmod 0400 "$to/$name.partial"
    chown "$owner" "$to/$name.partial"
    mv -f "$to/$name.partial" "$to/$name"
done

# Dynamic security needs a file to begin with, and keeps it itself from then on: no device, no right.
accounts="$data/dynamic-security.json"
if [ ! -e "$accounts" ]; then
    cat > "$accounts.partial" <<'JSON'
{"defaultACLAccess": {"publishClientSend": false, "publishClientReceive": false,
 "subscribe": false, "unsubscribe": true}, "clients": [], "groups": [], "roles": []}
JSON
    chmod 0600 "$accounts.partial"
    chown "$owner" "$accounts.partial"
    mv -f "$accounts.partial" "$accounts"
fi
