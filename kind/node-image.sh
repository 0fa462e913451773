#!/usr/bin/env bash
# kind, kubectl and the image of a node; links to the tools come to $FLOW_CACHE/tools.
#   node-image.sh             prints the name of the node image, which is then in Docker's store
#   node-image.sh binaries    only what tests against an API server need (see binaries.sh)
#
# The published image is taken where it can be had. Where no registry is reachable, or the host's bounds are too narrow for it
# (engine.sh tells why), the same is made from Go modules and Debian packages: 15 minutes once, on two cores.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
source "$KIND_DIR/debian.sh"
source "$KIND_DIR/binaries.sh"

# From the release notes of kind v0.33.0: an image belongs to the release of kind that it was built with.
PUBLISHED=kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed
PACKAGES=systemd,systemd-sysv,dbus,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,pigz,e2fsprogs
PACKAGES+=,ca-certificates,curl,jq,procps,runc,socat,ebtables,hostname
ENTRYPOINT='ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]'

tool() { mkdir -p "$FLOW_CACHE/tools"; ln -sfn "$2" "$FLOW_CACHE/tools/$1"; }

# --- the published image

take_published() {
  if ! type -P kind >/dev/null; then   # -P: binaries.sh has a function of this name
    command -v go >/dev/null || die "kind is needed: install kind, or Go to build it"
    timed "kind $KIND" group kind
  fi
  docker image inspect $PUBLISHED >/dev/null 2>&1 || timed "docker pull ${PUBLISHED%@*}" docker pull -q $PUBLISHED >/dev/null
  tool kind "$(type -P kind || echo "$(group_dir kind)/kind")"
  tool kubectl "$(type -P kubectl || kubectl_of_image)"
}

kubectl_of_image() {
  local container file=$FLOW_CACHE/kubectl
  container=$(docker create $PUBLISHED)
  docker cp "$container:/usr/bin/kubectl" "$file" >/dev/null 2>&1
  docker rm "$container" >/dev/null
  echo "$file"
}

# --- our own image

# A node's root file system: Debian, the base files of kind, the binaries
node_root() {
  local root=$1 files units unit
  files=$(group_dir kind)/node-files units=$root/lib/systemd/system
  debian_root "$root" $PACKAGES
  install -d "$root"/kind/{bin,manifests} "$root"/etc/{containerd,kubernetes/manifests} "$root/opt/cni/bin"
  cp -r --no-preserve=mode "$files/etc/." "$root/etc/"
  install -m755 "$files"/usr/local/bin/* "$root/usr/local/bin/"
  install -m755 "$files"/kind/bin/* "$root/kind/bin/"
  install -m755 "$(group_dir containerd)"/{containerd,containerd-shim-runc-v2,ctr} "$root/usr/local/bin/"
  install -m755 "$(group_dir kubernetes)"/{kubelet,kubeadm,kubectl} "$root/usr/bin/"
  install -m755 "$(group_dir containerd)"/{bridge,loopback,host-local,portmap} "$root/opt/cni/bin/"
  printf v%s $KUBERNETES > "$root/kind/version"   # kind reads here which kubeadm configuration to write

  # As kind's own Dockerfile does: no services of a machine, and no kernel log in each node's journal
  rm -f "$units"/sysinit.target.wants/systemd-tmpfiles-setup.service "$units"/{multi-user,local-fs,basic}.target.wants/* \
    "$units"/sockets.target.wants/*{udev,initctl}* "$root"/etc/systemd/system/*.wants/*
  echo ReadKMsg=no >> "$root/etc/systemd/journald.conf"
  for unit in kubelet containerd undo-mount-hacks; do chroot "$root" systemctl -q enable $unit.service; done
  chroot "$root" systemctl -q mask systemd-binfmt.service

  # Bounded hosts: without CAP_SYS_RESOURCE no limit can be raised and no oom_score_adj lowered, so nothing may ask for it, neither
  # containerd's unit, nor containerd for a pod, nor a privileged container with all capabilities.
  sed -i '/^OOMScoreAdjust/d; /^Limit/d; /^TasksMax/d' "$root/etc/systemd/system/containerd.service"
  sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$root/etc/containerd/config.toml"
  # cgroup v1 hosts: a systemd in a container owns no controllers there. The kubelet is told the same by cluster.sh.
  sed -i 's/SystemdCgroup = true/SystemdCgroup = false/' "$root/etc/containerd/config.toml"
  chroot "$root" /usr/local/bin/ctr oci spec | chroot "$root" jq 'del(.process.rlimits)
    | .hooks.createContainer = [{path: "/kind/bin/mount-product-files.sh"}]
    | .process.capabilities |= with_entries(.value -= ["CAP_SYS_RESOURCE"])' > "$root/etc/containerd/cri-base.json"
}

kubeadm_images() { "$(group_dir kubernetes)/kubeadm" config images list --kubernetes-version v$KUBERNETES 2>/dev/null; }
image_named() { kubeadm_images | grep "/$1:"; }

# one_file_image IMAGE FILE PATH [IMPORT-FLAG…]: static binaries need nothing beside them
one_file_image() {
  local image=$1 file=$2 path=$3 dir; shift 3
  dir=$(mktemp -d)
  install -Dm755 "$file" "$dir/$path"
  install -d "$dir/tmp" "$dir/etc"
  tar -C "$dir" -c . | docker import "$@" - "$image" >/dev/null
  rm -rf "$dir"
}

# kube-proxy calls the tools of the kernel's packet filter: they come from the node's root, with their libraries
kube_proxy_image() {
  local root=$1 dir tool library
  dir=$(mktemp -d)
  install -Dm755 "$(group_dir kubernetes)/kube-proxy" "$dir/usr/local/bin/kube-proxy"
  install -d "$dir/tmp" "$dir/usr/sbin"
  cp "$root"/usr/sbin/{xtables-nft-multi,conntrack} "$dir/usr/sbin/"
  (cd "$root" && cp -a --parents usr/lib/*-linux-gnu/xtables "$dir")   # iptables' matches, plug-ins of it
  for library in $(chroot "$root" sh -c 'ldd /usr/sbin/xtables-nft-multi /usr/sbin/conntrack /usr/lib/*/xtables/*.so' | grep -oE '/[^ :]+\.so[^ :]*' | sort -u); do
    [ -e "$dir$library" ] || install -D "$root$library" "$dir$library"
  done
  for tool in ip{,6}tables{,-save,-restore}; do ln -sf xtables-nft-multi "$dir/usr/sbin/$tool"; done
  tar -C "$dir" -c . | docker import -c 'ENV PATH=/usr/local/bin:/usr/sbin' - "$(image_named kube-proxy)" >/dev/null
  rm -rf "$dir"
}

# The images of the control plane, under the names that kubeadm and containerd ask for, as one archive
control_plane_images() {
  local root=$1 archive=$2 component sandbox image
  for component in kube-apiserver kube-controller-manager kube-scheduler; do
    one_file_image "$(image_named $component)" "$(group_dir kubernetes)/$component" usr/local/bin/$component -c 'ENV PATH=/usr/local/bin'
  done
  one_file_image "$(image_named etcd)" "$(group_dir etcd)/etcd" usr/local/bin/etcd -c 'ENV PATH=/usr/local/bin'
  one_file_image "$(image_named coredns/coredns)" "$(group_dir coredns)/coredns" coredns -c 'ENTRYPOINT ["/coredns"]'
  kube_proxy_image "$root"
  sandbox=$(grep -oE 'sandbox_image = "[^"]+"' "$root/etc/containerd/config.toml" | cut -d'"' -f2)
  for image in "$(image_named pause)" "$sandbox"; do
    one_file_image "$image" "$(group_dir pause)/pause" pause -c 'ENTRYPOINT ["/pause"]'
  done
  docker save -o "$archive" $(kubeadm_images) "$sandbox"
  docker rmi $(kubeadm_images) "$sandbox" >/dev/null 2>&1 || true   # the archive has them
}

# build_node IMAGE
build_node() {
  local work=$FLOW_CACHE/build/node container=flowtraining-node-build
  rm -rf "$work"
  mkdir -p "$work"
  node_root "$work/root"
  say "control plane images"
  control_plane_images "$work/root" "$work/images.tar"
  say "node image"
  tar -C "$work/root" -c . | docker import -c "$ENTRYPOINT" -c 'ENV container=docker' - "$1-base" >/dev/null
  # Only a containerd can fill a containerd's store: the image's own, run for that.
  docker rm -f $container >/dev/null 2>&1 || true
  docker run -d --name $container --entrypoint sleep --security-opt seccomp=unconfined --cap-add SYS_ADMIN -v "$work:/in:ro" "$1-base" infinity >/dev/null
  docker exec -d $container containerd
  docker exec $container sh -c 'for _ in $(seq 60); do ctr version >/dev/null 2>&1 && exit; sleep 0.5; done; exit 1'
  docker exec $container ctr -n k8s.io images import --all-platforms --no-unpack /in/images.tar >/dev/null
  docker exec $container sh -c 'pkill containerd; while pgrep -x containerd; do sleep 0.2; done; rm -rf /run/containerd' >/dev/null
  docker commit -c "$ENTRYPOINT" $container "$1" >/dev/null
  docker rm -f $container >/dev/null
  docker rmi "$1-base" >/dev/null 2>&1 || true
  rm -rf "$work"
}

own_image_name() {
  local part recipe
  recipe=$(declare -f debian_root node_root image_named one_file_image kube_proxy_image control_plane_images build_node
    echo "$DEBIAN_SUITE $PACKAGES $ENTRYPOINT"
    for part in kubernetes etcd containerd coredns kind pause; do group_dir $part; done | sed 's,.*/,,')
  echo "kindest/node:local-$(content_key <<< "$recipe")"
}

make_own() {
  local image; image=$(own_image_name)
  # With the image at hand only the two tools are needed of all the binaries.
  if docker image inspect "$image" >/dev/null 2>&1 || [ -f "$(kept_image "$image")" ]; then
    group kind
    group kubernetes kubectl
  else
    "$KIND_DIR/binaries.sh" node
  fi
  keep_image "$image" build_node
  tool kind "$(group_dir kind)/kind"
  tool kubectl "$(group_dir kubernetes)/kubectl"
  echo "$image"
}

if [ "${1:-}" = binaries ]; then exec "$KIND_DIR/binaries.sh" api-server; fi
"$KIND_DIR/engine.sh"
exec 9> "$FLOW_CACHE/node-image.lock"; flock 9   # one build at a time
if may_raise_limits && ! docker image inspect "$(own_image_name)" >/dev/null 2>&1 && published $PUBLISHED; then
  take_published >&2
  echo $PUBLISHED
else
  make_own
fi
