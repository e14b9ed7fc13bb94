# Run in the restored system, line by line; each must succeed.
test "$(findmnt -n -o SOURCE /boot)" = /dev/mapper/mpatha-part2
test "$(pvs --noheadings -o pv_name | tr -d ' ')" = /dev/mapper/mpatha-part3
test -z "$(findmnt -n -l -o SOURCE | grep '^/dev/sd')"
dmsetup info -c --noheadings -o uuid mpatha | grep -q '^mpath-'
lsinitramfs /boot/initrd.img-* | grep -q sbin/multipath
