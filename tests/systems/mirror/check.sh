# Run in the restored system, line by line; each must succeed.
test "$(lvs --noheadings -o segtype rootvg/hd4 | tr -d ' ')" = raid1
test "$(lvs --noheadings -o segtype rootvg/hd6 | tr -d ' ')" = raid1
test "$(lvs --noheadings -a -o devices -S 'lv_name=~hd4_rimage' rootvg | tr -d ' ' | cut -c1-8 | sort -u | wc -l)" = 2
test "$(pvs --noheadings | wc -l)" = 2
for i in $(seq 600); do lvs --noheadings -o sync_percent rootvg | grep -qv 100.00 || break; sleep 1; done; ! lvs --noheadings -o sync_percent rootvg | grep -qv 100.00
