//! Network cards and the machine: what tells whether a system is where it was.

use super::Source;

/// A network card: the stanza `lx_net_data`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// Name of its interface: `enP1p0s0`.
    pub name: String,
    /// Its own address, `52:54:00:12:34:56`; `None` if it has none of its own.
    pub mac: Option<String>,
    /// The driver that has it: `ibmveth`.
    pub driver: Option<String>,
    /// Place in the machine, as that of a disk; a port of several ends in `/p1`.
    pub location: String,
    /// What it is, in the words of `modules.alias`.
    pub modalias: Option<String>,
}

impl Source {
    /// Whether both were taken on one machine and partition of it; `None` if they do not
    /// say so. A partition keeps its UUID when it moves to another machine.
    #[must_use]
    pub fn same_machine(&self, other: &Self) -> Option<bool> {
        let both = |field: fn(&Self) -> &Option<String>| {
            let (one, two) = (field(self).as_ref()?, field(other).as_ref()?);
            Some(one == two)
        };
        if let Some(same) = both(|source| &source.partition_uuid) {
            return Some(same);
        }
        let machine = both(|source| &source.cpu_id)?;
        Some(machine && both(|source| &source.lpar_id).unwrap_or(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(uuid: &str, cpu: &str, lpar: &str) -> Source {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Source {
            partition_uuid: some(uuid),
            cpu_id: some(cpu),
            lpar_id: some(lpar),
            ..Source::default()
        }
    }

    #[test]
    fn a_machine_is_known_by_its_partition_then_by_itself() {
        let here = source("u1", "IBM,02A", "3");
        for (other, same) in [
            (source("u1", "IBM,02B", "7"), Some(true)),
            (source("u2", "IBM,02A", "3"), Some(false)),
            (source("", "IBM,02A", "3"), Some(true)),
            (source("", "IBM,02A", "4"), Some(false)),
            (source("", "IBM,02A", ""), Some(true)),
            (source("", "IBM,02B", ""), Some(false)),
            (source("", "", "3"), None),
        ] {
            assert_eq!(here.same_machine(&other), same, "{other:?}");
        }
    }
}
