#!/usr/bin/env bash
# Gets docker ready for `make test`: starts a daemon where one is installed and none answers, and makes the image.
# Never fails: without docker the tests of the docker sandbox are skipped, and this says so.
cd "$(dirname "$0")" || exit 0
log=${TMPDIR:-/tmp}/agenthands-dockerd.log

skipped() {
    echo "" >&2
    echo "**** THE TESTS OF THE DOCKER SANDBOX WILL BE SKIPPED: $*" >&2
    echo "" >&2
    exit 0
}

if ! command -v docker >/dev/null; then
    skipped "docker is not installed (Debian: apt-get install docker.io debootstrap)."
fi
if ! reason=$(timeout 30 docker info 2>&1 >/dev/null); then
    command -v dockerd >/dev/null || skipped "no docker daemon answers, and dockerd is not installed. $reason"
    [ "$(id -u)" = 0 ] || skipped "no docker daemon answers, and only root can start one. $reason"
    setsid nohup dockerd >"$log" 2>&1 </dev/null &
    daemon=$!
    for _ in $(seq 60); do
        timeout 5 docker info >/dev/null 2>&1 && break
        kill -0 "$daemon" 2>/dev/null || skipped "dockerd does not start; $log says why. $(tail -n 1 "$log")"
        sleep 0.5
    done
    timeout 5 docker info >/dev/null 2>&1 || {
        kill "$daemon"
        skipped "dockerd does not answer; $log says why."
    }
    echo "docker-for-tests: started dockerd (process $daemon, log $log). It stays; end it with: kill $daemon" >&2
fi
if ! said=$(timeout 900 ./sandbox-image.sh 2>&1); then
    skipped "the image cannot be made. $said"
fi
tail -n 1 <<<"$said" >&2
