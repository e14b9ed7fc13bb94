#!/bin/sh
# Run by mmdebstrap with the new system's root as $1: makes a plain Debian the
# system that demo/image.data describes.
set -eu
root=$1

echo lifeboat-demo > "$root/etc/hostname"
printf '127.0.0.1\tlocalhost\n127.0.1.1\tlifeboat-demo\n::1\tlocalhost\n' > "$root/etc/hosts"
# A test system: everybody may know its password.
echo root:lifeboat | chroot "$root" chpasswd

cat > "$root/etc/fstab" <<'END'
# <file system> <mount point> <type> <options> <dump> <pass>
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a04 / ext4 errors=remount-ro 0 1
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a02 /boot ext4 defaults 0 2
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a09 /var xfs defaults 0 0
UUID=0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a06 none swap sw 0 0
END

# GRUB's menu waits busily; an emulated machine has no seconds to spare.
mkdir -p "$root/etc/default/grub.d"
echo GRUB_TIMEOUT=1 > "$root/etc/default/grub.d/demo.cfg"
printf 'auto lo\niface lo inet loopback\n' > "$root/etc/network/interfaces"
