//! Comparing Open Firmware paths.

/// A path without the arguments of its last node: `:4` is a partition, for example.
#[must_use]
pub fn without_arguments(path: &str) -> &str {
    let last = path.rfind('/').unwrap_or(0);
    let end = path[last..].find(':').map_or(path.len(), |at| last + at);
    &path[..end]
}

/// Whether two paths name the same device: arguments do not count, and numbers of
/// units count by their value (`,0` may be written `,0000000000000000` or left out).
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    let nodes = |path: &str| -> Vec<(String, Vec<u64>)> {
        without_arguments(path).split('/').map(node).collect()
    };
    nodes(one) == nodes(other)
}

/// Name and unit of a node. A unit that is no number counts as part of the name.
fn node(text: &str) -> (String, Vec<u64>) {
    let Some((name, unit)) = text.split_once('@') else {
        return (text.to_owned(), Vec::new());
    };
    let numbers: Result<Vec<u64>, _> = unit
        .split(',')
        .map(|number| u64::from_str_radix(number, 16))
        .collect();
    match numbers {
        Ok(mut numbers) => {
            while numbers.last() == Some(&0) {
                numbers.pop();
            }
            (name.to_owned(), numbers)
        }
        Err(_) => (text.to_owned(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_same_however_they_are_written() {
        let disk = "/vdevice/vfc-client@30000004/disk@50060e8015341309";
        assert!(same(disk, &format!("{disk},0:4")));
        assert!(same(&format!("{disk},0000000000000000"), disk));
        assert!(!same(disk, &format!("{disk},1000000000000")));
        assert!(!same("/vdevice/l-lan@30000002", "/vdevice/l-lan@30000003"));
        assert!(same(
            "/vdevice/l-lan@30000002:speed=auto,duplex=auto,000.000.000.000",
            "/vdevice/l-lan@30000002"
        ));
        assert!(!same("/pci@1/sas@x", "/pci@1/sas@y"));
    }

    #[test]
    fn only_the_last_node_has_arguments_to_leave_out() {
        assert_eq!(without_arguments("/a:1/disk@2:3"), "/a:1/disk@2");
        assert_eq!(without_arguments("cdrom"), "cdrom");
        assert_eq!(without_arguments("net:1.2.3.4"), "net");
    }
}
