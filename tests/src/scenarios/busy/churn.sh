# Writes, renames and deletes files until it is killed. At any one moment exactly
# one of `here` and `there` exists.
mkdir -p /var/tmp/churn/many && cd /var/tmp/churn && echo moved > here
n=0
while :; do
    mv here there && mv there here
    n=$((n + 1))
    echo "$n" > "many/new-$((n % 50))" && mv "many/new-$((n % 50))" "many/kept-$((n % 50))"
    rm -f "many/kept-$(((n + 25) % 50))"
done
