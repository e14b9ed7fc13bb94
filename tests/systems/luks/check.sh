# Run in the restored system, line by line; each must succeed.
cryptsetup isLuks --type luks2 /dev/vda3
test "$(cryptsetup luksUUID /dev/vda3)" = 1feb0a70-0463-4000-8000-000000000005
cryptsetup luksDump /dev/vda3 | grep -q 'cipher: aes-xts-plain64'
cryptsetup luksDump /dev/vda3 | grep -q 'PBKDF:[[:space:]]*argon2id'
cryptsetup luksDump /dev/vda3 | grep -q 'Label:[[:space:]]*locked'
cryptsetup status locked | grep -q 'keysize: *512 bits'
pvs --noheadings -o pv_name | grep -q /dev/mapper/locked
