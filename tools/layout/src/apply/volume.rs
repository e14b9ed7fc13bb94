//! Logical volumes: how `lvcreate` is told what to make.

use super::ApplyError;
use crate::model::VolumeKind;
use crate::plan::{PlannedGroup, PlannedVolume};

/// The arguments of `lvcreate` that make the volume in its group.
pub(super) fn arguments(
    group: &PlannedGroup,
    volume: &PlannedVolume,
) -> Result<Vec<String>, ApplyError> {
    let mut argv = ["-y", "-a", "y", "-n", &volume.name]
        .map(str::to_owned)
        .to_vec();
    let mut add = |arguments: &[&str]| argv.extend(arguments.iter().map(ToString::to_string));
    let extents = volume.extents.to_string();
    // What an old volume in the same place left is wiped, so that nothing takes it
    // for the content of the new one.
    let wiped = ["-W", "y", "-Z", "y", "-l", &extents];
    match &volume.kind {
        VolumeKind::Linear => add(&wiped),
        VolumeKind::Striped { stripes, size } => {
            add(&wiped);
            let (stripes, size) = (stripes.to_string(), bytes(*size));
            add(&["--type", "striped", "-i", &stripes, "-I", &size]);
        }
        VolumeKind::Mirrored { segment, copies } => {
            add(&wiped);
            let more = copies.saturating_sub(1).to_string();
            add(&["--type", segment, "-m", &more]);
            // Its other log would want an extent of a third disk. Without it the
            // copies are brought into step whenever the volume is switched on.
            if segment == "mirror" {
                add(&["--mirrorlog", "core"]);
            }
        }
        VolumeKind::ThinPool { chunk, metadata } => {
            let (chunk, metadata) = (bytes(*chunk), bytes(*metadata));
            add(&["-Z", "y", "-l", &extents, "--type", "thin-pool"]);
            add(&["--chunksize", &chunk, "--poolmetadatasize", &metadata]);
            // As much again, to repair the metadata with.
            add(&["--poolmetadataspare", "y"]);
        }
        VolumeKind::Thin { pool } => {
            let size = bytes(volume.extents * group.extent);
            let pool = format!("{}/{pool}", group.name);
            add(&["--type", "thin", "-V", &size, "--thinpool", &pool]);
            return Ok(argv);
        }
        VolumeKind::Other { segment, .. } => {
            return Err(ApplyError::Kind {
                volume: volume.name.clone(),
                segment: segment.clone(),
            });
        }
    }
    add(&[&group.name]);
    argv.extend(volume.devices.iter().cloned());
    Ok(argv)
}

fn bytes(number: u64) -> String {
    format!("{number}b")
}

/// The segment type that LVM will name.
pub(super) fn segment(kind: &VolumeKind) -> &str {
    match kind {
        VolumeKind::Linear => "linear",
        VolumeKind::Striped { .. } => "striped",
        VolumeKind::Mirrored { segment, .. } | VolumeKind::Other { segment, .. } => segment,
        VolumeKind::ThinPool { .. } => "thin-pool",
        VolumeKind::Thin { .. } => "thin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(kind: VolumeKind, devices: &[&str]) -> PlannedVolume {
        PlannedVolume {
            name: "hd4".into(),
            old_name: "hd4".into(),
            device: "/dev/mapper/rootvg-hd4".into(),
            kind,
            devices: devices.iter().map(ToString::to_string).collect(),
            extents: 100,
            old_extents: 100,
            read_only: false,
        }
    }

    fn made(kind: VolumeKind, devices: &[&str]) -> String {
        let group = PlannedGroup {
            name: "rootvg".into(),
            old_name: "rootvg".into(),
            devices: vec!["/dev/vda3".into(), "/dev/vdb3".into()],
            extent: 4 << 20,
            extents: 1000,
            volumes: Vec::new(),
        };
        arguments(&group, &volume(kind, devices)).unwrap().join(" ")
    }

    #[test]
    fn every_kind_is_asked_for_by_name() {
        let (a, b) = ("/dev/vda3", "/dev/vdb3");
        let raid1 = VolumeKind::Mirrored {
            segment: "raid1".into(),
            copies: 2,
        };
        let mirror = VolumeKind::Mirrored {
            segment: "mirror".into(),
            copies: 2,
        };
        let striped = VolumeKind::Striped {
            stripes: 2,
            size: 64 << 10,
        };
        let pool = VolumeKind::ThinPool {
            chunk: 64 << 10,
            metadata: 4 << 20,
        };
        let thin = VolumeKind::Thin {
            pool: "pool".into(),
        };
        let begin = "-y -a y -n hd4";
        let wiped = format!("{begin} -W y -Z y -l 100");
        for (kind, devices, wanted) in [
            (VolumeKind::Linear, &[][..], format!("{wiped} rootvg")),
            (VolumeKind::Linear, &[b], format!("{wiped} rootvg {b}")),
            (
                striped,
                &[a, b],
                format!("{wiped} --type striped -i 2 -I 65536b rootvg {a} {b}"),
            ),
            (
                raid1,
                &[a, b],
                format!("{wiped} --type raid1 -m 1 rootvg {a} {b}"),
            ),
            (
                mirror,
                &[],
                format!("{wiped} --type mirror -m 1 --mirrorlog core rootvg"),
            ),
            (
                pool,
                &[],
                format!(
                    "{begin} -Z y -l 100 --type thin-pool --chunksize 65536b \
                     --poolmetadatasize 4194304b --poolmetadataspare y rootvg"
                ),
            ),
            (
                thin,
                &[],
                format!("{begin} --type thin -V 419430400b --thinpool rootvg/pool"),
            ),
        ] {
            assert_eq!(made(kind, devices), wanted);
        }
    }
}
