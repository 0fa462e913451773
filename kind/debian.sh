# shellcheck shell=bash
# Sourced: Debian root file systems, made from the packages that this machine's own apt is set up for.
DEBIAN_SUITE=bookworm

# The mirror is the one that apt uses here, whatever the form of its sources: no host is named in this project.
debian_mirror() {
  local mirror
  mirror=$(. /etc/os-release; apt-get indextargets --no-release-info --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
    awk -v own="$ID $VERSION_CODENAME" '"debian " $1 == own && $2 == "main" && !found++ { print $3 }')
  [ -n "$mirror" ] || die "no Debian mirror among apt's sources: images can be made without a registry only on Debian"
  echo "$mirror"
}

# debian_root DIR PACKAGE,… : a minimal Debian in DIR
debian_root() {
  local dir=$1 packages=$2 mirror
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "no registry is reachable, and only root on Debian can make images without one"
  mirror=$(debian_mirror)
  need debootstrap:debootstrap
  mkdir -p "$FLOW_CACHE/debs"
  rm -rf "$dir"
  say "Debian $DEBIAN_SUITE with ${packages//,/ } (about a minute)"
  debootstrap --variant=minbase --cache-dir="$FLOW_CACHE/debs" --include="$packages" $DEBIAN_SUITE "$dir" "$mirror" > "$dir.log" 2>&1 ||
    { tail -20 "$dir.log" >&2; die "debootstrap failed: $dir.log"; }
  # Nobody reads manuals in a container; licences stay.
  find "$dir/usr/share/doc" -type f ! -name copyright -delete
  find "$dir/usr/share/doc" -type d -empty -delete
  rm -rf "$dir"/usr/share/{man,info,locale,lintian,groff} "$dir"/var/{cache/apt,cache/debconf,lib/apt/lists,log}/*
}
