# shellcheck shell=bash
# Sourced: Debian packages and root file systems, from where this machine's own apt is set up for.
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

# debian_files PACKAGE DIR FILE… : files of a package, without installing it
debian_files() {
  local package=$1 dir=$2 tmp; shift 2
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    die "$package is missing: install it (where there is apt, it is taken from Debian's package)"
  tmp=$(mktemp -d "$FLOW_CACHE/.deb.XXXXXX")
  if ! apt-cache show "$package" >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then apt-get update -qq; fi
  # the mirror may have moved on since the lists were fetched
  download_deb "$package" "$tmp" || { [ "$(id -u)" = 0 ] && apt-get update -qq && download_deb "$package" "$tmp"; } ||
    { cat "$tmp/log" >&2; rm -rf "$tmp"; die "apt-get cannot fetch $package: look at the package sources and the network"; }
  dpkg-deb -x "$tmp"/*.deb "$tmp/root"
  mv "${@/#/$tmp/root/}" "$dir"
  rm -rf "$tmp"
}

download_deb() { (cd "$2" && apt-get -qq -o APT::Sandbox::User=root download "$1" > log 2>&1); }
