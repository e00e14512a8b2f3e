#!/usr/bin/env bash
# Runs a command with docker ready: starts a daemon where one is installed and none answers, makes the image, and ends
# the daemon that it started when the command has ended.
# Without docker the command runs all the same: the tests of the docker sandbox are skipped then, and this says so.
# Usage: deployments/docker-for-tests.sh COMMAND ARGUMENT...
here=$(dirname "$0")
log=${TMPDIR:-/tmp}/agenthands-dockerd.log
daemon=

without() {
    printf '\n**** THE TESTS OF THE DOCKER SANDBOX WILL BE SKIPPED: %s\n\n' "$*" >&2
    return 1
}

answers() { timeout 10 docker info >/dev/null 2>&1; }

started() {
    command -v dockerd >/dev/null || without "no docker daemon answers, and dockerd is not installed." || return
    [ "$(id -u)" = 0 ] || without "no docker daemon answers, and only root can start one." || return
    setsid dockerd >"$log" 2>&1 </dev/null &
    daemon=$!
    for _ in $(seq 60); do
        answers && return
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.5
    done
    without "dockerd does not start; $log says why. $(tail -n 1 "$log")"
}

ready() {
    command -v docker >/dev/null ||
        without "docker is not installed (Debian: apt-get install docker.io debootstrap)." || return
    answers || started || return
    said=$(timeout 900 "$here/sandbox-image.sh" 2>&1) || without "the image cannot be made. $said" || return
    tail -n 1 <<<"$said" >&2
}

ready
"$@"
code=$?
if [ -n "$daemon" ]; then
    kill "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
fi
exit $code
