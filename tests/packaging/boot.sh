#!/usr/bin/env bash
# Boots the Debian in a folder with its own systemd, as the first process of namespaces of its own:
#   unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net --cgroup boot.sh ROOT
# in a cgroup of its own. It ends with unshare, and nothing of it is left.
set -euo pipefail
root=$1

mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
# Out of sight of it is what else this machine has.
cd "$root"
mkdir -p outside
pivot_root . outside
umount -l /outside
exec env -i container=other /lib/systemd/systemd --show-status=no
