//! The order in which several ways to several disks are tried.

use std::collections::HashMap;

use crate::ofpath::Route;

/// The ways to each of `devices`, mixed so that the head of the list reaches as many
/// devices as possible, and then by as many adapters as possible: the first way to
/// each device, then a second one to each, by the adapter that was least used.
#[must_use]
pub fn spread(devices: &[Vec<Route>]) -> Vec<Route> {
    let mut left: Vec<Vec<&Route>> = devices.iter().map(|ways| ways.iter().collect()).collect();
    let mut used: HashMap<&str, usize> = HashMap::new();
    let mut list = Vec::new();
    while left.iter().any(|ways| !ways.is_empty()) {
        for ways in left.iter_mut().filter(|ways| !ways.is_empty()) {
            let use_of = |way: &&Route| used.get(way.adapter.as_str()).copied().unwrap_or(0);
            // Of several equal ones this is the first.
            let best = (0..ways.len())
                .min_by_key(|at| use_of(&ways[*at]))
                .unwrap_or(0);
            let way = ways.remove(best);
            *used.entry(&way.adapter).or_default() += 1;
            list.push(way.clone());
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ofpath::routes;
    use crate::recorded::tree;

    fn names(devices: &[Vec<Route>]) -> Vec<String> {
        spread(devices).into_iter().map(|way| way.name).collect()
    }

    #[test]
    fn eight_paths_use_each_adapter_before_one_is_used_twice() {
        let sys = tree(include_str!("../../tests/trees/powervm-npiv.tree"));
        let disk = |name| routes(sys.path(), name).unwrap();
        let adapters: Vec<String> = spread(&[disk("dm-0")])
            .into_iter()
            .map(|way| way.adapter)
            .collect();
        let (first, second) = adapters.split_at(4);
        assert_eq!(first, second);
        assert_eq!(
            first.iter().collect::<std::collections::HashSet<_>>().len(),
            4
        );
        // Two disks: both, by different adapters, before either comes again.
        assert_eq!(
            names(&[disk("dm-0"), disk("dm-1")])[..5],
            ["sda", "sdf", "sdi", "sdn", "sdc"]
        );
    }

    #[test]
    fn single_paths_keep_their_order() {
        let sys = tree(include_str!("../../tests/trees/powervm-vscsi.tree"));
        let disk = |name| routes(sys.path(), name).unwrap();
        assert_eq!(
            names(&[disk("sdc"), disk("sda"), disk("sdb")]),
            ["sdc", "sda", "sdb"]
        );
        assert!(names(&[]).is_empty());
    }
}
