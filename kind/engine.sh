#!/usr/bin/env bash
# A working Docker engine: the one that answers, or else Debian's, started by hand.
#   engine.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

RUNTIME=$FLOW_CACHE/runc-bounded
LOG=$FLOW_CACHE/dockerd.log

answers() { docker info >/dev/null 2>&1; }

install_docker() {
  [ "$(id -u)" = 0 ] || die "no Docker engine answers ($(docker info 2>&1 | tail -1)), and only root can install or start one: start Docker, join the group docker, or run this as root"
  command -v dockerd >/dev/null || command -v apt-get >/dev/null || die "no Docker engine answers: install Docker for this system (https://docs.docker.com/engine/install) and start it"
  need dockerd:docker.io iptables:iptables
}

# A dockerd that is just starting or still stopping its containers does not answer, and suffers no second one.
await_running_one() {
  local second
  for ((second = 0; second < 60; second++)); do
    if answers || ! pidof dockerd >/dev/null; then return; fi
    sleep 1
  done
  die "a dockerd runs here and does not answer: end it, or see its log"
}

# The engine outlives this script and its callers, and must keep no file of theirs open: a lock would stay with it.
detached() {
  local fd
  for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || eval "exec $fd>&-"
  done
  exec setsid nohup "$@"
}

start_docker() {
  local flags=() second
  if [ -d /run/systemd/system ]; then systemctl start docker; return; fi
  # Flags, not /etc/docker/daemon.json: that file is the user's.
  if ! may_raise_limits; then
    need python3:python3
    install -m755 "$KIND_DIR/runc-bounded.py" "$RUNTIME"
    flags+=(--add-runtime "runc-bounded=$RUNTIME" --default-runtime runc-bounded)
    say "this host lacks CAP_SYS_RESOURCE: containers run with $RUNTIME"
  fi
  say "starting dockerd (a few seconds), log in $LOG"
  for _ in 1 2 3; do   # one that follows a crash may find traces of the crashed one for a moment
    detached dockerd "${flags[@]}" > "$LOG" 2>&1 < /dev/null &
    for ((second = 0; second < 60; second++)); do
      if answers; then return; fi
      if ! kill -0 $! 2>/dev/null; then break; fi
      sleep 1
    done
  done
  tail -20 "$LOG" >&2
  die "dockerd did not start: see $LOG"
}

if answers; then say "Docker answers"; exit 0; fi
exec 9> "$FLOW_CACHE/engine.lock"; flock 9   # of two starts at once the second waits, and finds it answering
if ! answers; then
  install_docker
  await_running_one
  answers || timed "Docker" start_docker
fi
