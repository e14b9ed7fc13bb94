//! Logical volumes: how `lvcreate` is told what to make.

use super::ApplyError;
use crate::model::VolumeKind;
use crate::plan::{PlannedGroup, PlannedVolume};

/// The commands that make the volume in its group, each with its arguments: one that
/// makes it, and one for each further run of extents that it is placed in.
pub(super) fn commands(
    group: &PlannedGroup,
    volume: &PlannedVolume,
) -> Result<Vec<(&'static str, Vec<String>)>, ApplyError> {
    let Some((first, more)) = volume.placed.split_first() else {
        return Ok(vec![("lvcreate", arguments(group, volume)?)]);
    };
    let begun = PlannedVolume {
        extents: first.total(),
        devices: first.ranges(),
        ..volume.clone()
    };
    let mut all = vec![("lvcreate", arguments(group, &begun)?)];
    let name = format!("{}/{}", group.name, volume.name);
    all.extend(more.iter().map(|run| {
        let more = format!("+{}", run.total());
        let mut argv = ["-y", "-l", &more].map(str::to_owned).to_vec();
        if let VolumeKind::Striped { stripes, size } = &volume.kind {
            argv.extend(in_turns(*stripes, *size));
        }
        argv.push(name.clone());
        argv.extend(run.ranges());
        ("lvextend", argv)
    }));
    Ok(all)
}

/// How LVM is told that a volume lies in turns over several disks.
fn in_turns(stripes: u32, size: u64) -> [String; 4] {
    let stripes = stripes.to_string();
    ["-i".to_owned(), stripes, "-I".to_owned(), bytes(size)]
}

/// The arguments of `lvcreate` that make the volume in its group.
fn arguments(group: &PlannedGroup, volume: &PlannedVolume) -> Result<Vec<String>, ApplyError> {
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
            add(&["--type", "striped"]);
            argv.extend(in_turns(*stripes, *size));
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
    argv.push(group.name.clone());
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
    use crate::plan::{Area, Run};

    fn volume(kind: VolumeKind, devices: &[&str]) -> PlannedVolume {
        PlannedVolume {
            name: "hd4".into(),
            old_name: "hd4".into(),
            device: "/dev/mapper/rootvg-hd4".into(),
            kind,
            devices: devices.iter().map(ToString::to_string).collect(),
            placed: Vec::new(),
            extents: 100,
            old_extents: 100,
            read_only: false,
        }
    }

    fn group() -> PlannedGroup {
        PlannedGroup {
            name: "rootvg".into(),
            old_name: "rootvg".into(),
            devices: vec!["/dev/vda3".into(), "/dev/vdb3".into()],
            extent: 4 << 20,
            extents: 1000,
            maps: false,
            volumes: Vec::new(),
        }
    }

    fn made(kind: VolumeKind, devices: &[&str]) -> String {
        let argv = arguments(&group(), &volume(kind, devices)).unwrap();
        argv.join(" ")
    }

    fn run(areas: &[(&str, u64)], extents: u64) -> Run {
        let area = |(device, first): &(&str, u64)| Area {
            device: (*device).to_owned(),
            first: *first,
        };
        Run {
            areas: areas.iter().map(area).collect(),
            extents,
        }
    }

    #[test]
    fn a_placed_volume_is_made_run_by_run() {
        let (a, b) = ("/dev/vda3", "/dev/vdb3");
        let striped = VolumeKind::Striped {
            stripes: 2,
            size: 64 << 10,
        };
        let begin = "lvcreate -y -a y -n hd4 -W y -Z y";
        let turns = "-i 2 -I 65536b";
        for (kind, placed, wanted) in [
            (
                VolumeKind::Linear,
                vec![run(&[(a, 90)], 60), run(&[(b, 0)], 1), run(&[(a, 0)], 39)],
                format!(
                    "{begin} -l 60 rootvg {a}:90-149; lvextend -y -l +1 rootvg/hd4 {b}:0-0; \
                     lvextend -y -l +39 rootvg/hd4 {a}:0-38"
                ),
            ),
            (
                striped,
                vec![run(&[(b, 5), (a, 7)], 30), run(&[(b, 50), (a, 37)], 20)],
                format!(
                    "{begin} -l 60 --type striped {turns} rootvg {b}:5-34 {a}:7-36; \
                     lvextend -y -l +40 {turns} rootvg/hd4 {b}:50-69 {a}:37-56"
                ),
            ),
        ] {
            let mut volume = volume(kind, &[]);
            volume.placed = placed;
            let all = commands(&group(), &volume).unwrap();
            let all: Vec<String> = all
                .into_iter()
                .map(|(command, argv)| format!("{command} {}", argv.join(" ")))
                .collect();
            assert_eq!(all.join("; "), wanted);
        }
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
