//! Types of partitions.

use crate::guid::Guid;
use crate::model::{Format, PartitionKind, Role};

/// GPT types: PowerPC PReP boot, Linux LVM, Linux file system data, Linux swap,
/// basic data, Linux RAID (UEFI specification 5.3.3, Linux discoverable partitions).
pub(crate) const PREP: Guid = Guid([
    0x38, 0x2d, 0x1a, 0x9e, 0x12, 0xc6, 0x16, 0x43, 0xaa, 0x26, 0x8b, 0x49, 0x52, 0x1e, 0x5a, 0x8b,
]);
const LVM: Guid = Guid([
    0x79, 0xd3, 0xd6, 0xe6, 0x07, 0xf5, 0xc2, 0x44, 0xa2, 0x3c, 0x23, 0x8f, 0x2a, 0x3d, 0xf9, 0x28,
]);
const LINUX: Guid = Guid([
    0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4,
]);
const SWAP: Guid = Guid([
    0x6d, 0xfd, 0x57, 0x06, 0xab, 0xa4, 0xc4, 0x43, 0x84, 0xe5, 0x09, 0x33, 0xc8, 0x4b, 0x4f, 0x4f,
]);
const BASIC: Guid = Guid([
    0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7,
]);
const RAID: Guid = Guid([
    0x0f, 0x88, 0x9d, 0xa1, 0xfc, 0x05, 0x3b, 0x4d, 0xa0, 0x06, 0x74, 0x3f, 0x0f, 0x84, 0x91, 0x1e,
]);

/// The GPT type of a partition for this purpose, with this on it; `image.data` names
/// others.
pub(crate) fn type_of(role: Role, format: Option<&Format>) -> Guid {
    match role {
        Role::Prep => PREP,
        Role::Lvm => LVM,
        Role::Swap => SWAP,
        Role::Fs if matches!(format, Some(Format::Vfat(_))) => BASIC,
        _ => LINUX,
    }
}

/// The type in an MBR.
fn mbr_type_of(role: Role, format: Option<&Format>) -> u8 {
    match role {
        Role::Prep => 0x41,
        Role::Lvm => 0x8e,
        Role::Swap => 0x82,
        Role::Raid => 0xfd,
        Role::Extended => 0x05,
        Role::Fs if matches!(format, Some(Format::Vfat(_))) => 0x0c,
        _ => 0x83,
    }
}

/// The type that a partition gets: the recorded one if the new table has such, else
/// that of its purpose.
pub(super) fn kind(
    gpt: bool,
    recorded: Option<PartitionKind>,
    role: Role,
    format: Option<&Format>,
) -> PartitionKind {
    match (recorded, gpt) {
        (Some(kind @ PartitionKind::Gpt(_)), true)
        | (Some(kind @ PartitionKind::Mbr(_)), false) => kind,
        (_, true) if role == Role::Raid => PartitionKind::Gpt(RAID),
        (_, true) => PartitionKind::Gpt(type_of(role, format)),
        (_, false) => PartitionKind::Mbr(mbr_type_of(role, format)),
    }
}
