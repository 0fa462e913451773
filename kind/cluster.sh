#!/usr/bin/env bash
# A Kubernetes cluster in Docker.
#   cluster.sh up NAME [WORKERS] [HOST_DIR]    one control plane, WORKERS more nodes; HOST_DIR is /flowtraining on every node.
#                                              Prints the path of its kubeconfig, $FLOW_CACHE/NAME.kubeconfig
#   cluster.sh down NAME
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

POD_SUBNET=10.244.0.0/16
SERVICE_SUBNET=10.96.0.0/16
API_SERVICE=10.96.0.1    # these two addresses follow from the subnet
DNS_SERVICE=10.96.0.10
READY_SECONDS=180

kind() { "$FLOW_CACHE/tools/kind" "$@"; }
kubectl() { "$FLOW_CACHE/tools/kubectl" --kubeconfig "$KUBECONFIG_FILE" "$@"; }
own_image() { [[ $IMAGE == kindest/node:local-* ]]; }
nodes() { kind get nodes --name "$NAME" 2>/dev/null; }

# until_true SECONDS COMMAND…
until_true() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then return 1; fi
    sleep 1
  done
}

configuration() {
  local node
  echo "# image: $IMAGE"   # not read by kind: a part of what makes two clusters the same
  cat <<'YAML'
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking:
YAML
  echo "  podSubnet: $POD_SUBNET"
  echo "  serviceSubnet: $SERVICE_SUBNET"
  if own_image; then echo '  disableDefaultCNI: true'; fi   # it has no network plugin: network() does the little that is needed
  cat <<'YAML'
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
YAML
  # From 1.35 on the kubelet stops on cgroup v1 hosts unless told that this is known.
  if [ ! -f /sys/fs/cgroup/cgroup.controllers ]; then echo '  failCgroupV1: false'; fi
  # The other half of SystemdCgroup = false in our image (node-image.sh).
  if own_image; then echo '  cgroupDriver: cgroupfs'; fi
  # Without CAP_SYS_RESOURCE the kubelet cannot set kernel parameters and oom scores: with this gate it warns and goes on.
  if ! may_raise_limits; then echo '  featureGates: {KubeletInUserNamespace: true}'; fi
  echo 'nodes:'
  for node in control-plane $(for ((i = 0; i < WORKERS; i++)); do echo worker; done); do
    echo "- role: $node"
    [ -z "$HOST_DIR" ] || printf '  extraMounts:\n  - {hostPath: "%s", containerPath: /flowtraining}\n' "$HOST_DIR"
  done
}

pod_cidr() { kubectl get node "$1" -o jsonpath='{.spec.podCIDR}' | grep .; }
address() { docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' "$1"; }

bridge_plugin() { # POD_CIDR
  cat <<JSON
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$1"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
}

# The pod network of our own image: a bridge on each node, and routes between them. A restarted node keeps the file, and loses the rest.
network() {
  local node other cidr
  for node in $(nodes); do
    until_true 60 pod_cidr "$node" || die "node $node has no pod addresses"   # assigned a moment after the node appears
    cidr=$(pod_cidr "$node")
    bridge_plugin "$cidr" | docker exec -i "$node" sh -c 'mkdir -p /etc/cni/net.d; cat > /etc/cni/net.d/10-bridge.conflist'
    # Pods see each other's own addresses; only what leaves the cluster takes the node's.
    docker exec -i "$node" nft -f - <<NFT
table ip flowtraining
delete table ip flowtraining
table ip flowtraining {
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip saddr $POD_SUBNET ip daddr != $POD_SUBNET masquerade
  }
}
NFT
    for other in $(nodes); do
      [ "$other" = "$node" ] || docker exec "$other" ip route replace "$cidr" via "$(address "$node")"
    done
  done
}

# Asked on the node itself, since the API server's word is old for a while after a restart. The services are asked too.
node_answers() {
  docker exec "$1" sh -ec '
    curl -fs --max-time 2 http://localhost:10248/healthz   # kubelet
    curl -fks --max-time 2 '"https://$API_SERVICE/readyz"'
    curl -fs --max-time 2 '"http://$DNS_SERVICE:9153/metrics"' | head -1 | grep .'
}

nodes_answer() {
  local node
  for node in $(nodes); do node_answers "$node" >/dev/null 2>&1 || return 1; done
}

nodes_ready() {
  local ready; ready=$(kubectl get nodes --request-timeout=5s -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}') || return 1
  [ "$(grep -c . <<< "$ready")" = "$((WORKERS + 1))" ] && ! grep -qv True <<< "$ready"
}

running() { [ "$(docker ps -q --filter "label=io.x-k8s.kind.cluster=$NAME" | wc -l)" = "$((WORKERS + 1))" ]; }

healthy() { running && nodes_ready && nodes_answer; } 2>/dev/null

# settle: brings the network up on running nodes and waits until all is well
settle() {
  until_true 60 kubectl get --raw /readyz || return 1
  if own_image; then network; fi
  until_true $READY_SECONDS healthy
}

create() {
  say "creating cluster $NAME with $((WORKERS + 1)) node(s) (under a minute)"
  configuration > "$CONFIG"
  kind create cluster --name "$NAME" --image "$IMAGE" --config "$CONFIG" --kubeconfig "$KUBECONFIG_FILE" > "$LOG" 2>&1 || { cat "$LOG" >&2; die "kind could not create the cluster"; }
  settle || { kubectl get nodes,pods -A >&2 || true; die "cluster $NAME did not become ready"; }
}

restart() {
  say "cluster $NAME does not answer: starting its nodes (under a minute)"
  [ "$(nodes | wc -l)" = "$((WORKERS + 1))" ] && docker start $(nodes) >/dev/null && settle
}

remove() {
  [ ! -e "$FLOW_CACHE/tools/kind" ] || kind delete cluster -q --name "$NAME" --kubeconfig "$KUBECONFIG_FILE"
  rm -f "$KUBECONFIG_FILE" "$CONFIG"
}

up() {
  IMAGE=$("$KIND_DIR/node-image.sh")
  if [ -n "$HOST_DIR" ]; then mkdir -p "$HOST_DIR"; HOST_DIR=$(cd "$HOST_DIR" && pwd); fi
  exec 9> "$FLOW_CACHE/$NAME.lock"; flock 9
  if [ -z "$(nodes)" ]; then
    timed "cluster $NAME" create
  elif [ "$(configuration)" != "$(cat "$CONFIG" 2>/dev/null)" ]; then
    say "cluster $NAME is another than wanted (nodes, folder or node image): it is made anew"
    remove
    timed "cluster $NAME" create
  elif healthy; then
    say "cluster $NAME is up"
  elif restart; then
    say "cluster $NAME is up again: $SECONDS s"
  else
    say "cluster $NAME does not come back: it is made anew"
    remove
    timed "cluster $NAME" create
  fi
  echo "$KUBECONFIG_FILE"
}

usage='usage: cluster.sh up NAME [WORKERS] [HOST_DIR] | down NAME'
NAME=${2:?$usage} WORKERS=${3:-0} HOST_DIR=${4:-}
KUBECONFIG_FILE=$FLOW_CACHE/$NAME.kubeconfig CONFIG=$FLOW_CACHE/$NAME.kind.yaml LOG=$FLOW_CACHE/$NAME.kind.log
case $1 in
  up) up ;;
  down) remove; say "cluster $NAME is gone" ;;
  *) die "$usage" ;;
esac
