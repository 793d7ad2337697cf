#!/bin/sh
# The steps of the Containerfile, apart from it so that they can be tried without a container engine.
#   install.sh build FOLDER             in the sources, on a bare Debian: builds the package into FOLDER
#   install.sh run PACKAGE MAJOR SERVER on a bare Debian: installs it with PostgreSQL's client of that
#                                       major and, if SERVER is yes, the server, which drills need
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

install_packages() { apt-get install -q -y --no-install-recommends "$@"; }

build() {
  # What is needed is said in one place only.
  ./dev setup build package
  export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(date +%s)}"
  cmake --preset release -DBUILD_TESTING=OFF
  cmake --build --preset release -- package_files
  (cd build/release && cpack -G DEB)
  mkdir -p "$1"
  mv build/release/dolibarr-backup_*.deb "$1/"
}

# Debian's own major comes from Debian, others from the PostgreSQL project, whose key is in Debian's
# postgresql-common.
add_source_of() {
  apt-cache show "postgresql-client-$1" >/dev/null 2>&1 && return
  install_packages ca-certificates postgresql-common
  key=/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  echo "deb [signed-by=$key] https://apt.postgresql.org/pub/repos/apt $codename-pgdg main" \
    >/etc/apt/sources.list.d/pgdg.list
  apt-get update -q
}

run() {
  package=$1 major=$2 server=$3
  # Installing a server must not make a database: a drill makes its own and drops it.
  mkdir -p /etc/postgresql-common
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  apt-get update -q
  add_source_of "$major"
  if [ "$server" = yes ]; then
    install_packages "$package" "postgresql-client-$major" "postgresql-$major"
  else
    install_packages "$package" "postgresql-client-$major"
  fi
  # No key of ours may be in a published image, and no time or number of this one build.
  rm -rf /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem
  find /etc/ssl/certs -xtype l -delete
  apt-get clean
  # dpkg's database stays: scanners list the packages from it.
  rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old \
    /var/lib/dpkg/*-old /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
  find /var/log -type f -delete
}

command=$1
shift
"$command" "$@"
