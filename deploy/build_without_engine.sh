#!/bin/sh
# Builds the image's layers where no container engine runs, and uses it: files, models and a forecast of five products.
# Needs root, Debian's buildah and debootstrap, a network and three gigabytes. The base image lies in a registry; Debian with
# its own Python 3.13 stands in for it under its name, so that the Dockerfile is taken as it is.
set -eu
folder=${1:?usage: deploy/build_without_engine.sh FOLDER, where the layers are to lie}
cd "$(dirname "$0")/.."
base=$(sed -n 's/^FROM \(python:[^ ]*\) AS build$/\1/p' Dockerfile)

mkdir -p "$folder"
build() { buildah --storage-driver vfs --root "$folder/store" --runroot "$folder/run" "$@"; }

if [ ! -e "$folder/debian/usr/bin/python" ]; then
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates trixie "$folder/debian"
    # Certificates a network of one's own may need; and the name by which the image calls it.
    cp -L /etc/ssl/certs/ca-certificates.crt "$folder/debian/etc/ssl/certs/ca-certificates.crt"
    ln -s python3 "$folder/debian/usr/bin/python"
fi
printf 'FROM scratch\nADD debian /\nENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt\n' > "$folder/Base"
build bud --isolation chroot -f "$folder/Base" -t "docker.io/library/$base" "$folder"
git archive --format=tar HEAD | (rm -rf "$folder/context" && mkdir "$folder/context" && tar x -C "$folder/context")
build bud --isolation chroot --pull=false -t pricecast "$folder/context"

container=$(build from --pull=false pricecast)
trap 'build rm "$container" > /dev/null' EXIT
build run --isolation chroot "$container" -- sh -euc '
    test "$(id -u)" = 1000
    export PRICECAST_SOURCE=/tmp/files PRICECAST_TRIALS=2
    pricecast generate-data --products 5 --days 300
    pricecast refresh
    pricecast predict SKU0001 --days 3
    pricecast doctor || true'
