#!/bin/sh
# Copies what EMQX reads into its volume, readable by its user alone; as deploy/mosquitto/install.sh
# does for Mosquitto. This runs once, as root, without a network.
set -eu
from=$1 # ca.crt, server.crt, server.key
to=$2
data=$3
owner=${4:-1000:1000} # the user emqx of the image

umask 077
put() {
    chmod 0400 "$to/$1.partial"
    chown "$owner" "$to/$1.partial"
    mv -f "$to/$1.partial" "$to/$1"
}
for name in ca.crt server.crt server.key; do
    cp "$from/$name" "$to/$name.partial"
    put "$name"
done
printf 'onenet:%s:administrator\n' "$EMQX_API_SECRET" > "$to/api-keys.partial"
put api-keys
for folder in $data; do
    chown "$owner" "$folder"
done
chown "$owner" "$to"
