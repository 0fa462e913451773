#!/usr/bin/env bash
# The Java base image of our own Dockerfiles, under the name TAG: the published one, or where no registry is reachable one of the same interface.
#   base-image.sh TAG        JAVA_HOME_25 is a JDK 25 (needed only to build)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$KIND_DIR/debian.sh"

PUBLISHED=eclipse-temurin:25-jre
PACKAGES=ca-certificates,libgomp1,libstdc++6   # the latter two for PyTorch and ONNX Runtime
MODULES=java.base,java.compiler,java.desktop,java.instrument,java.logging,java.management,java.naming,java.net.http,java.security.jgss,java.sql,java.xml
MODULES+=,jdk.crypto.ec,jdk.jfr,jdk.management,jdk.unsupported,jdk.zipfs

# build_base IMAGE
build_base() {
  local root=$FLOW_CACHE/build/base-root jre=$FLOW_CACHE/build/jre
  mkdir -p "$FLOW_CACHE/build"
  rm -rf "$jre"
  # The CDS archive shares the JDK's classes between JVMs and halves the start of a small one.
  "$JDK/bin/jlink" --add-modules "$MODULES" --no-header-files --no-man-pages --strip-java-debug-attributes --compress zip-6 --generate-cds-archive --output "$jre" >/dev/null
  debian_root "$root" "$PACKAGES"
  mkdir -p "$root/opt/java"
  mv "$jre" "$root/opt/java/openjdk"
  tar -C "$root" -c . | docker import \
    -c 'ENV JAVA_HOME=/opt/java/openjdk' -c 'ENV LANG=C.UTF-8' \
    -c 'ENV PATH=/opt/java/openjdk/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    - "$1" > /dev/null
  rm -rf "$root"
}

tag=${1:?usage: base-image.sh TAG}
"$KIND_DIR/engine.sh"

if docker image inspect $PUBLISHED >/dev/null 2>&1 || published $PUBLISHED; then
  docker image inspect $PUBLISHED >/dev/null 2>&1 || timed "docker pull $PUBLISHED" docker pull -q $PUBLISHED >/dev/null
  docker tag $PUBLISHED "$tag"
  say "$tag is $PUBLISHED"
  exit 0
fi

JDK=${JAVA_HOME_25:-${JAVA_HOME:-}}
[ "$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$JDK/release" 2>/dev/null || echo 0)" -ge 25 ] ||
  die "no registry is reachable, and building a base image needs a JDK 25 or newer: set JAVA_HOME_25 to one"
recipe=$(declare -f build_base debian_root
  echo "$DEBIAN_SUITE $PACKAGES $MODULES"
  cat "$JDK/release")
exec 9> "$FLOW_CACHE/base-image.lock"; flock 9   # one build at a time
image=flowtraining-jre:$(content_key <<< "$recipe")
keep_image "$image" build_base
docker tag "$image" "$tag"
say "$tag is $image"
