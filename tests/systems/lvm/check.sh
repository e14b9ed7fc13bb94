# Run in the restored system, line by line; each must succeed.
test "$(lvs --noheadings -o segtype,stripes,stripesize --units k --nosuffix rootvg/srv | xargs)" = 'striped 2 64.00'
test "$(lvs --noheadings -o segtype,chunksize --units k --nosuffix rootvg/pool | xargs)" = 'thin-pool 64.00'
test "$(lvs --noheadings -o segtype,pool_lv rootvg/home | xargs)" = 'thin pool'
test "$(lvs --noheadings -o segtype rootvg/root | xargs)" = linear
mountpoint -q /home && mountpoint -q /srv
