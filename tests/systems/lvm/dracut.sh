# Run in the restored system, line by line; each must succeed.
! command -v update-initramfs
lsinitrd /boot/initrd.img-$(uname -r) | grep -q 'ibmvscsi'
lsinitrd /boot/initrd.img-$(uname -r) | grep -q 'sbin/lvm'
test "$(lvs --noheadings -o segtype rootvg/root | xargs)" = linear
test "$(lvs --noheadings -o segtype,pool_lv rootvg/home | xargs)" = 'thin pool'
mountpoint -q /home && mountpoint -q /srv && mountpoint -q /opt/twice
