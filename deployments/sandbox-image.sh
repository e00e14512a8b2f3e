#!/usr/bin/env bash
# Makes the image of the docker sandbox, if it is not there.
#
#   deployments/sandbox-image.sh                from python:3.12-slim, or, where that cannot be pulled, as --debootstrap
#   deployments/sandbox-image.sh BASE_IMAGE     from another Debian or Python image
#   deployments/sandbox-image.sh --debootstrap  from the packages of this machine's own Debian or Ubuntu; needs root
set -euo pipefail
cd "$(dirname "$0")"
tag=agenthands-sandbox:$(sha256sum sandbox.Dockerfile | cut -c1-12)
work=
network=default

say() { echo "sandbox-image: $*" >&2; }

fail() {
    say "$@"
    exit 2
}

# What the interpreters of the environments need from the system, for they are mounted and not installed.
libraries() {
    local python prefix
    python=../.venv/bin/python
    [ -x "$python" ] || python=python3
    prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
    if [ "$prefix" = /usr ]; then
        basename "$(readlink -f "$(command -v "$python")")"
        return
    fi
    { find "$prefix" \( -path '*/lib-dynload/*.so' -o -path '*/bin/python3.*' -o -name 'libpython3*.so*' \) \
        ! -name '_tkinter*' -type f -exec ldd {} + 2>/dev/null || true; } | awk '$3 ~ /^\// {print $3}' | sort -u |
        while read -r library; do
            library=$(readlink -f "$library")
            dpkg -S "$library" "${library#/usr}" 2>/dev/null || true # packages of before /usr was merged
        done | cut -d: -f1 | sort -u
}

debootstrapped() {
    [ "$(id -u)" = 0 ] || fail "$1 Making a base with debootstrap needs root."
    command -v debootstrap >/dev/null || fail "$1 Install debootstrap (apt-get install debootstrap), and try again."
    local release mirror proxy packages
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' |
        awk -v release="$release" '$2 == release && $3 == "main" {print $1; exit}')
    [ -n "$mirror" ] || fail "$1 apt has no source for $release either."
    proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || export http_proxy=$proxy
    packages=$(libraries | paste -sd,)
    work=$(mktemp -d /var/tmp/agenthands-debootstrap.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    say "$1 Making a base from the packages of $release ..."
    debootstrap --variant=minbase --include="git,procps${packages:+,$packages}" "$release" "$work" "$mirror" >"$work.log" 2>&1 || {
        tail -n 20 "$work.log" >&2
        rm -f "$work.log"
        fail "debootstrap failed."
    }
    rm -f "$work.log" "$work"/etc/{hostname,resolv.conf,apt/sources.list} # debootstrap copies the host's
    rm -rf "$work"/var/cache/apt/archives "$work"/var/log/*
    tar -C "$work" -c . | docker import - "agenthands-debian:$release" >/dev/null
    base=agenthands-debian:$release
    network=none # it has all that is needed
}

docker info >/dev/null 2>&1 || fail "no docker daemon answers: start one (systemctl start docker)."
if [ $# = 0 ] && docker image inspect "$tag" >/dev/null 2>&1; then
    say "$tag is there."
    exit 0
fi
base=${1:-python:3.12-slim}
if [ "$base" = --debootstrap ]; then
    debootstrapped "As wanted."
elif ! docker image inspect "$base" >/dev/null 2>&1 && ! reason=$(timeout 600 docker pull --quiet "$base" 2>&1); then
    [ $# = 0 ] || fail "$base cannot be pulled: $reason"
    debootstrapped "$base cannot be pulled."
fi
tar -c sandbox.Dockerfile | docker build --quiet --network "$network" --build-arg BASE_IMAGE="$base" --tag "$tag" \
    --file sandbox.Dockerfile - >/dev/null
say "$tag is made from $base."
