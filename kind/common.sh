# shellcheck shell=bash
# Sourced by the scripts of this folder: where things are kept, how they report.
FLOW_CACHE=${FLOW_CACHE:-$HOME/.cache/flowtraining}
KIND_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$FLOW_CACHE"

say() { printf '%s  %s\n' "$(date +%T)" "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# timed LABEL COMMAND…: says how long a slow part took. Not for an `if`: bash lets a function go on after errors there.
timed() {
  local label=$1 start=$SECONDS; shift
  "$@"
  say "$label: $((SECONDS - start)) s"
}

# A part of the cache is named after what made it, so a changed recipe or version makes a new one and an unchanged one is found again.
content_key() { sha256sum | cut -c1-12; }

# Without CAP_SYS_RESOURCE (bit 24 of the bounding set) no limit can be raised and no process be made less likely to be killed for memory.
may_raise_limits() {
  [ -r /proc/self/status ] || return 0   # not Linux: Docker has a machine of its own
  local bounding; bounding=$(awk '/^CapBnd/ { print $2 }' /proc/self/status)
  (( 0x$bounding >> 24 & 1 ))
}

# need COMMAND:PACKAGE… : installs the packages of the commands that are missing
need() {
  local each missing=()
  for each in "$@"; do command -v "${each%:*}" >/dev/null || missing+=("${each#*:}"); done
  [ ${#missing[@]} != 0 ] || return 0
  say "installing ${missing[*]} (under a minute)"
  apt-get update -qq
  # Quiet unless it fails: a package that starts a service says at length that a container or sandbox has no init system.
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > "$FLOW_CACHE/apt.log" 2>&1 ||
    { tail -20 "$FLOW_CACHE/apt.log" >&2; die "apt-get install failed: ${missing[*]}"; }
}

# Is this published image to be had? Asks for its manifest only, since a pull that works may take minutes and one that hangs must not.
published() { timeout 10 docker manifest inspect "$1" >/dev/null 2>&1; }

kept_image() { echo "$FLOW_CACHE/images/${1//[\/:]/-}.tar"; }

# keep_image IMAGE COMMAND…: IMAGE from Docker's store, or from the cache if the store has lost it, or else made by `COMMAND… IMAGE`
keep_image() {
  local image=$1 kept; kept=$(kept_image "$1"); shift
  if docker image inspect "$image" >/dev/null 2>&1; then return; fi
  mkdir -p "$FLOW_CACHE/images"
  if [ -f "$kept" ]; then
    timed "loaded $image from the cache" docker load -q -i "$kept" >/dev/null
  else
    timed "made $image" "$@" "$image"
    rm -f "${kept%-*}"-*.tar   # of an older recipe
    docker save -o "$kept.part" "$image"
    mv "$kept.part" "$kept"
  fi
}
