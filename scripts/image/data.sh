#!/bin/sh
# Makes the empty data folder, which the image then gives to its unprivileged user.
set -eu
mkdir -p "$1"
chmod 700 "$1"
