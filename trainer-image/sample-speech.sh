#!/usr/bin/env bash
# sample-speech.sh OUT_DIR [MINUTES]
#
# Real speech to try the pipeline on: OUT_DIR/train/{wav/,wav.scp,text,utt2spk}, 16 kHz mono WAV, about MINUTES (25) by
# seven people in five languages. Short prompts: a batch then holds many utterances, each with a flow-matching time of
# its own, and a small model learns much sooner to tell noise from speech. It comes from Debian packages, fetched into a cache and unpacked there:
#   pocketsphinx-testdata             read book sentences and spoken cards, with their transcripts
#   asterisk-core-sounds-XX-g722      telephone prompts (G.722); they have no transcripts, so the prompt's file
#                                     name stands in text (the flow model learns from audio only)
# Only libspandsp2, which decodes G.722, is installed, when it is missing. The second run finds everything and returns.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${FLOW_CACHE:-$HOME/.cache/flowtraining}/sample-speech
packages=(pocketsphinx-testdata asterisk-core-sounds-{en,es,fr,it,ru}-g722)

say() { echo "sample-speech: $*" >&2; }
die() { say "$*"; exit 1; }

[ $# -ge 1 ] || die "usage: sample-speech.sh OUT_DIR [MINUTES]"
out=$1
minutes=${2:-25}
[[ $minutes =~ ^[0-9]+$ && $minutes -ge 1 ]] || die "MINUTES must be a whole number, not '$minutes'"
done_mark="$out/train/.sample-speech"
version="3 $minutes"
if [ "$(cat "$done_mark" 2>/dev/null)" = "$version" ]; then
  say "$out/train is there"
  exit 0
fi

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
"$java" --version 2>/dev/null | head -1 | grep -qE ' (2[5-9]|[3-9][0-9])' || die "needs Java 25 or later; set JAVA_HOME"
command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
  die "needs Debian or Ubuntu (apt-get, dpkg): the recordings come from their packages"

updated=
apt_update() {
  [ -z "$updated" ] || return 1
  updated=1
  say "apt-get update"
  apt-get -qq update
}
known() { apt-cache show "$1" >/dev/null 2>&1; }

fetch() {
  local package=$1 folder="$cache/$1"
  [ -d "$folder" ] && return
  known "$package" || apt_update || true
  say "fetching $package"
  local tmp
  tmp=$(mktemp -d "$cache/.fetch.XXXXXX")
  (cd "$tmp" && apt-get -qq -o APT::Sandbox::User=root download "$package" >/dev/null) ||
    { rm -rf "$tmp"; die "apt-get could not fetch $package; check the package sources and the network"; }
  dpkg -x "$tmp"/*.deb "$tmp/unpacked"
  mv "$tmp/unpacked" "$folder"
  rm -rf "$tmp"
}

decoder() {
  ldconfig -p | grep -q 'libspandsp\.so\.2' && return
  [ "$(id -u)" = 0 ] || die "libspandsp2 is missing; install it (apt-get install libspandsp2) or run this as root"
  local package
  for package in libspandsp2 libspandsp2t64; do
    known "$package" && break
  done
  known "$package" || { apt_update; for package in libspandsp2 libspandsp2t64; do known "$package" && break; done; }
  say "installing $package, the G.722 decoder"
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$package" >/dev/null ||
    die "apt-get could not install $package"
}

mkdir -p "$cache" "$out"
for package in "${packages[@]}"; do fetch "$package"; done
decoder

say "decoding to $out/train"
tmp="$out/.train.tmp"
rm -rf "$tmp"
"$java" --enable-native-access=ALL-UNNAMED -Xmx256m "$here/sample-speech/SampleSpeech.java" "$cache" "$tmp" "$minutes"
echo "$version" >"$tmp/.sample-speech"
rm -rf "$out/train"
mv "$tmp" "$out/train"
say "done: $(wc -l <"$out/train/wav.scp") utterances"
