# Run in the restored system, line by line; each must succeed.
grep -q 'VERSION_ID="12"' /etc/os-release
uname -r | grep -q '^6\.1\.'
xfs_info /var | grep -q 'nrext64=0'
! dumpe2fs -h /dev/rootvg/hd4 2>/dev/null | grep -q orphan_file
