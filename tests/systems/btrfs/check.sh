# Run in the restored system, line by line; each must succeed.
btrfs subvolume list / | grep -q 'path @$'
btrfs subvolume list / | grep -q 'path @home$'
btrfs subvolume list / | grep -q 'path @home/inner$'
btrfs subvolume get-default / | grep -q 'path @$'
findmnt -n -o FSROOT / | grep -qx /@
findmnt -n -o FSROOT /home | grep -qx /@home
btrfs filesystem df / | grep -q 'Metadata, DUP'
btrfs filesystem df / | grep -q 'Data, single'
test "$(blkid -p -o value -s LABEL /dev/vda3)" = system
btrfs scrub start -B / | grep -q 'no errors found'
