# Run in the restored system, line by line; each must succeed.
test "$(blkid -o value -s PTTYPE -p /dev/vda)" = dos
sfdisk -d /dev/vda | grep -q 'label-id: 0x1feb0a70'
sfdisk -d /dev/vda | grep -q 'vda1 .*type=41, bootable'
sfdisk -d /dev/vda | grep -q 'vda5 .*type=82'
sfdisk -V /dev/vda 2>&1 | grep -q 'No errors detected'
mountpoint -q /home && mountpoint -q /srv
test -z "$(lvs --noheadings 2>/dev/null)"
