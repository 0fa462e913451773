#!/usr/bin/env bash
# Builds Kubernetes and what a node of it needs from Go modules, for machines that reach a Go proxy but no image registry.
#   binaries.sh api-server    kube-apiserver, etcd, kubectl, helm, and Debian's Prometheus: enough for tests against an API server
#   binaries.sh node          everything of a node image, and kind
#   binaries.sh dir GROUP     prints the folder of a group's binaries
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$KIND_DIR/debian.sh"

KUBERNETES=1.36.3
ETCD=v3.6.5
CONTAINERD=v2.4.2   # Kubernetes 1.36 wants containerd 2
CNI=v1.9.1
COREDNS=v1.14.6
KIND=v0.33.0
HELM=v4.3.1

KUBERNETES_BINARIES=(kube-apiserver kubectl kubelet kubeadm kube-controller-manager kube-scheduler kube-proxy)
KUBERNETES_STAGING=(api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap
  code-generator component-base component-helpers controller-manager cri-api cri-client cri-streaming streaming csi-translation-lib
  dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl
  kubelet metrics mount-utils pod-security-admission sample-apiserver)
COREDNS_PLUGINS=(cache errors forward health kubernetes loadbalance loop metrics ready reload)   # those that kubeadm's Corefile names

# Static, so that an image can be one file.
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOOS=linux

# Each group has a go.mod of its own: their requirements differ, and each is built with the dependencies its authors tested.
module() {
  cd "$WORK"
  [ -f go.mod ] || printf 'module build\n\ngo 1.26\n' > go.mod
}

# tools VERSION PACKAGE…: adds packages to the go.mod, each at that version (one without a version would be brought to the newest)
tools() {
  local version=$1; shift
  quietly go get -tool "${@/%/@$version}"
}
quietly() { "$@" > log 2>&1 || { cat log >&2; die "failed: $*"; }; }

# build NAME PACKAGE [FLAG…]: appears under its name only when complete, so that an interrupted build goes on where it was
build() {
  local name=$1 package=$2 start=$SECONDS; shift 2
  [ ! -x "$BIN/$name" ] || return 0
  go build -trimpath -ldflags '-s -w' "$@" -o "$BIN/.$name" "$package"
  mv "$BIN/.$name" "$BIN/$name"
  say "built $name: $((SECONDS - start)) s"
}

kubernetes() { # [BINARY…]
  local staging flags='-s -w' package binary
  module
  if [ ! -f resolved ]; then
    for staging in "${KUBERNETES_STAGING[@]}"; do go mod edit -replace "k8s.io/$staging=k8s.io/$staging@v0.${KUBERNETES#1.}"; done
    tools "v$KUBERNETES" "${KUBERNETES_BINARIES[@]/#/k8s.io/kubernetes/cmd/}"
    touch resolved
  fi
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=v$KUBERNETES -X $package.gitMajor=1 -X $package.gitMinor=${KUBERNETES:2:2} -X $package.gitTreeState=clean"
  done
  for binary in "$@"; do build "$binary" "k8s.io/kubernetes/cmd/$binary" -ldflags "$flags"; done
}

etcd() {
  module
  [ -x "$BIN/etcd" ] || tools $ETCD go.etcd.io/etcd/server/v3
  build etcd go.etcd.io/etcd/server/v3
}

containerd() {
  local commands=github.com/containerd/containerd/v2/cmd plugins=github.com/containernetworking/plugins/plugins name
  module
  if [ ! -f resolved ]; then
    tools $CONTAINERD $commands/{containerd,ctr,containerd-shim-runc-v2}
    tools $CNI $plugins/{main/bridge,main/loopback,ipam/host-local,meta/portmap}
    touch resolved
  fi
  for name in containerd ctr containerd-shim-runc-v2; do build $name $commands/$name -tags 'no_btrfs no_devmapper no_zfs no_aufs'; done
  for name in main/bridge main/loopback ipam/host-local meta/portmap; do build "${name#*/}" $plugins/$name; done
}

coredns() {
  local plugin
  module
  if [ ! -f resolved ]; then
    {
      echo 'package main'
      for plugin in "${COREDNS_PLUGINS[@]}"; do echo "import _ \"github.com/coredns/coredns/plugin/$plugin\""; done
      echo 'import "github.com/coredns/coredns/coremain"'
      echo 'func main() { coremain.Run() }'
    } > main.go
    quietly go get "github.com/coredns/coredns@$COREDNS"
    quietly go mod tidy
    touch resolved
  fi
  build coredns .
}

kind() {
  module
  [ -x "$BIN/kind" ] || tools $KIND sigs.k8s.io/kind
  build kind sigs.k8s.io/kind
  # kind's sources hold the base files of a node: entrypoint, units, containerd's configuration
  if [ ! -d "$BIN/node-files" ]; then
    cp -r --no-preserve=mode "$(go list -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files" "$BIN/.node-files"
    mv "$BIN/.node-files" "$BIN/node-files"
  fi
}

helm() {
  module
  [ -x "$BIN/helm" ] || tools $HELM helm.sh/helm/v4/cmd/helm
  build helm helm.sh/helm/v4/cmd/helm
}

prometheus() { # from Debian: its sources take long to build, and any version of it knows our rules
  [ ! -x "$BIN/promtool" ] || return 0
  if type -P prometheus >/dev/null && type -P promtool >/dev/null; then
    ln -sf "$(type -P prometheus)" "$(type -P promtool)" "$BIN/"
  else
    timed "Debian's Prometheus" debian_files prometheus "$BIN" usr/bin/prometheus usr/bin/promtool
  fi
}

pause() { # the process that holds a pod's namespaces open
  module
  cat > main.go <<'GO'
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
GO
  build pause .
}

version_of() {
  case $1 in
    kubernetes) echo $KUBERNETES ;; etcd) echo $ETCD ;; containerd) echo "$CONTAINERD $CNI" ;;
    coredns) echo "$COREDNS ${COREDNS_PLUGINS[*]}" ;; kind) echo $KIND ;; helm) echo $HELM ;; prometheus) echo $DEBIAN_SUITE ;; pause) echo 1 ;;
    *) die "no such group: $1" ;;
  esac
}

# `declare -f` prints a function without comments and layout: only a change of what it does makes a new key.
group_dir() { echo "$FLOW_CACHE/bin/$1-$({ version_of "$1"; declare -f "$1" module tools build; } | content_key)"; }

# group NAME [ARG…]: in a subshell, since it changes folder
group() (
  BIN=$(group_dir "$1") WORK=$BIN/.work
  mkdir -p "$WORK"
  exec 9> "$BIN/.lock"; flock 9   # two builds of the same thing take turns, and the second finds it done
  "$@"
)

has() { [ -x "$(group_dir "$1")/$2" ]; }

api_server() {
  has kubernetes kube-apiserver || say "building Kubernetes $KUBERNETES, etcd $ETCD and Helm $HELM: 10 minutes on two cores with empty caches"
  group etcd
  group helm
  group kubernetes kubectl kube-apiserver
  # The layout in which kube-api-test looks for its binaries under $KUBE_API_TEST_DIR
  local dir; dir=$(api_server_dir)
  mkdir -p "$dir"
  ln -f "$(group_dir etcd)/etcd" "$(group_dir kubernetes)/kubectl" "$(group_dir kubernetes)/kube-apiserver" "$(group_dir helm)/helm" "$dir/"
  say "API server binaries are in $dir"
}

api_server_dir() { echo "$FLOW_CACHE/kube-api-test/k8s/$KUBERNETES-linux-$(go env GOARCH)"; }

monitoring() {
  group prometheus
  ln -sf "$(group_dir prometheus)"/{prometheus,promtool} "$(api_server_dir)/"
}

node() {
  api_server
  has coredns coredns || say "building the other binaries of a node: 8 minutes more"
  group kind
  group pause
  group kubernetes "${KUBERNETES_BINARIES[@]}"
  group containerd
  group coredns
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  command -v go >/dev/null || die "Go 1.26 or later is needed to build Kubernetes; or give this machine Docker and an image registry, and nothing is built"
  case ${1:-} in
    api-server) timed "API server binaries" api_server; monitoring ;;
    node) timed "node binaries" node ;;
    dir) group_dir "${2:?group}" ;;
    *) die "usage: binaries.sh api-server | node | dir GROUP" ;;
  esac
fi
