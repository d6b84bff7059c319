#!/bin/sh
# Copies the hashed passwords of our services into the gate's volume, readable by the gate alone.
set -eu
umask 077
cp /from/passwords /to/passwords.partial
chmod 0400 /to/passwords.partial
chown 10001:10001 /to/passwords.partial /to
mv -f /to/passwords.partial /to/passwords
