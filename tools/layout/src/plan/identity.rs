//! New UUIDs for a system that shall live beside its source.

use super::{Plan, PlannedFileSystem, PlannedTable, Seed, Stacked};
use crate::guid::Guid;

/// Gives everything in the plan that has a UUID another one. The same seed gives the
/// same ones.
pub(super) fn renew(plan: &mut Plan, seed: Seed) {
    for target in &mut plan.targets {
        target.table = match target.table {
            PlannedTable::Gpt(guid) => PlannedTable::Gpt(seed.guid(guid)),
            PlannedTable::Mbr(signature) => PlannedTable::Mbr(signature ^ seed.word()),
            PlannedTable::None => PlannedTable::None,
        };
        for partition in &mut target.partitions {
            partition.uuid = partition.uuid.map(|uuid| seed.guid(uuid));
        }
    }
    for stacked in &mut plan.stack {
        match stacked {
            Stacked::Array(array) => {
                array.uuid = array.uuid.as_deref().map(|uuid| seed.array(uuid));
            }
            Stacked::Crypt(crypt) => crypt.uuid = seed.text(&crypt.uuid),
            Stacked::Group(_) => {}
        }
    }
    plan.file_systems
        .iter_mut()
        .for_each(|fs| seed.file_system(fs));
}

impl Seed {
    /// As random as the seed, different for what was different.
    fn guid(self, old: Guid) -> Guid {
        let mut bytes = old.0;
        for (byte, seed) in bytes.iter_mut().zip(self.0) {
            *byte ^= seed;
        }
        // Version 4, variant 1 (RFC 9562, 5.4), in the byte order of a GPT.
        bytes[7] = bytes[7] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Guid(bytes)
    }

    /// Never 0, so that what it changes is another.
    fn word(self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_le_bytes([a, b, c, d]) | 1
    }

    /// A UUID, or the volume id of a FAT, `ABCD-1234`.
    fn text(self, old: &str) -> String {
        if let Ok(guid) = old.parse::<Guid>() {
            return self.guid(guid).to_string();
        }
        match u32::from_str_radix(&old.replace('-', ""), 16) {
            Ok(id) => {
                let id = id ^ self.word();
                format!("{:04X}-{:04X}", id >> 16, id & 0xffff)
            }
            Err(_) => old.to_owned(),
        }
    }

    /// mdadm writes 32 digits in four groups: `f0e1d2c3:...`.
    fn array(self, old: &str) -> String {
        let digits = old.replace(':', "");
        let Ok(number) = u128::from_str_radix(&digits, 16) else {
            return old.to_owned();
        };
        let digits = format!("{:032x}", number ^ u128::from_be_bytes(self.0));
        let groups: Vec<&str> = (0..4)
            .map(|group| &digits[group * 8..group * 8 + 8])
            .collect();
        groups.join(":")
    }

    fn file_system(self, fs: &mut PlannedFileSystem) {
        let old = std::mem::take(&mut fs.uuid);
        fs.uuid = self.text(&old);
        let plain = |text: &str| text.replace('-', "");
        for argument in &mut fs.mkfs {
            // mkfs.fat takes the id without its dash.
            if *argument == plain(&old) {
                *argument = plain(&fs.uuid);
            }
            *argument = argument.replace(&old, &fs.uuid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed([7; 16]);

    #[test]
    fn new_names_have_the_form_of_the_old() {
        let old = "0b7a8f63-91e4-4d5c-8a02-6c1f7e5d2a02";
        let new = SEED.text(old);
        assert_ne!(new, old);
        assert!(new.parse::<Guid>().is_ok());
        assert_eq!(SEED.text(old), new, "the same seed, the same names");
        assert_eq!(SEED.text("1234-ABCD").len(), 9);
        assert_ne!(SEED.text("1234-ABCD"), "1234-ABCD");
        let array = SEED.array("0badcafe:00000000:00000000:00000511");
        assert_eq!(array, "0caacdf9:07070707:07070707:07070216");
        assert_eq!(SEED.array("odd"), "odd");
    }
}
