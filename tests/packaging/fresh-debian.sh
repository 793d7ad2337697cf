# Sourced by the tests here: Debian 12 in a folder, made by debootstrap and chrooted into, with what
# this machine's apt says of mirrors and proxies. Everything mounted vanishes with the process.
# shellcheck shell=bash

[ "$(id -u)" = 0 ] || {
  echo "$0: must be root, for debootstrap and chroot" >&2
  exit 1
}
# A mount namespace of our own.
if [ -z "${IN_MOUNT_NAMESPACE:-}" ]; then
  IN_MOUNT_NAMESPACE=yes exec unshare --mount --propagation private "$0" "$@"
fi

repository=$(readlink -f "$(dirname "$0")/../..")
work=$(mktemp -d /var/tmp/dolibarr-backup-packaging-XXXXXX)
root=$work/root

remove_work() {
  local point
  # Deepest first; what is still mounted must not be emptied.
  for point in $(findmnt -rno TARGET | grep "^$work/" | sort -r); do umount "$point"; done
  rm -rf --one-file-system "$work"
}
trap remove_work EXIT

mirror() {
  apt-get indextargets --format "$1" 'Created-By: Packages' 'Origin: Debian' | sort -u
}

# Made once, then unpacked: delete build/fresh-debian.tar to have it anew.
fresh_debian() {
  local base=$repository/build/fresh-debian.tar
  if [ ! -e "$base" ]; then
    mkdir -p "$repository/build"
    debootstrap --variant=minbase bookworm "$work/base" \
      "$(mirror "\$(REPO_URI)" | grep -v security | head -n 1)" >"$work/debootstrap.log" || {
      tail "$work/debootstrap.log" >&2
      return 1
    }
    rm -rf "$work/base"/var/cache/apt/archives/*.deb
    tar -C "$work/base" -cf "$base.new" .
    mv "$base.new" "$base"
    rm -rf --one-file-system "$work/base"
  fi
  mkdir "$root"
  tar -C "$root" -xf "$base"
  mirror "deb \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" | grep bookworm >"$root/etc/apt/sources.list"
  apt-config dump | grep -i '^Acquire::http.*::Proxy' >"$root/etc/apt/apt.conf.d/90proxy" || true
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  # Services of packages do not start.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
}

inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
  DEBIAN_FRONTEND=noninteractive "$@"; }

apt_inside() {
  inside "$@" >"$work/apt.log" 2>&1 || {
    tail -n 30 "$work/apt.log" >&2
    return 1
  }
}

step() { printf '== %s\n' "$1"; }
fail() {
  echo "NOT OK: $1" >&2
  exit 1
}
# check WHAT COMMAND...
check() {
  local what=$1
  shift
  "$@" >"$work/check.log" 2>&1 || {
    cat "$work/check.log" >&2
    fail "$what"
  }
  echo "   OK: $what"
}
