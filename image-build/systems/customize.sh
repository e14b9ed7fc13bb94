#!/bin/sh
# Run by mmdebstrap with the new system's root as $1. Where its file systems lie is
# for the scenario to say.
set -eu
root=$1

echo lifeboat-test > "$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n127.0.1.1\tlifeboat-test\n' > "$root/etc/hosts"
# An installed system has its identity; without one it would behave as on a first boot.
echo 11feb0a711feb0a711feb0a711feb0a8 > "$root/etc/machine-id"
# A test system: everybody may know its password.
echo root:lifeboat | chroot "$root" chpasswd
# GRUB's menu waits busily; an emulated machine has no seconds to spare.
mkdir -p "$root/etc/default/grub.d"
echo GRUB_TIMEOUT=1 > "$root/etc/default/grub.d/test.cfg"
printf 'auto lo\niface lo inet loopback\n' > "$root/etc/network/interfaces"
