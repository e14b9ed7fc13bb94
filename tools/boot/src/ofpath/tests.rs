//! Paths on recorded machines.

use std::net::Ipv4Addr;

use super::*;
use crate::recorded::tree;

const QEMU: &str = include_str!("../../tests/trees/qemu-pseries.tree");
const NPIV: &str = include_str!("../../tests/trees/powervm-npiv.tree");
const PCI: &str = include_str!("../../tests/trees/powervm-pci.tree");
const VSCSI: &str = include_str!("../../tests/trees/powervm-vscsi.tree");

fn paths(machine: &str, cases: &[(&str, &str)]) {
    let sys = tree(machine);
    for (name, expected) in cases {
        assert_eq!(of_path(sys.path(), name).unwrap(), *expected, "{name}");
    }
}

#[test]
fn disks_of_an_emulated_machine() {
    paths(
        QEMU,
        &[
            ("vda", "/pci@800000020000000/scsi@1"),
            ("vda1", "/pci@800000020000000/scsi@1"),
            ("sda", "/pci@800000020000000/scsi@2/disk@103000100000000"),
            ("sdb", "/vdevice/v-scsi@71000003/disk@8100000000000000"),
            ("sr0", "/vdevice/v-scsi@71000003/disk@8200000000000000"),
        ],
    );
}

#[test]
fn disks_on_virtual_scsi_adapters() {
    paths(
        VSCSI,
        &[
            ("sda", "/vdevice/v-scsi@30000002/disk@8100000000000000"),
            ("sdc", "/vdevice/v-scsi@30000003/disk@8200000000000000"),
        ],
    );
}

#[test]
fn disks_on_adapters_of_their_own() {
    paths(
        PCI,
        &[
            ("nvme2n1", "/pci@80000002000001e/pci1014,6a0@0/namespace@1"),
            (
                "sda",
                "/pci@800000020000015/pci1014,034A@0/sas/disk@a05d83f300",
            ),
            ("sdb", "/pci@800000020000016/sata@0/disk@2"),
        ],
    );
}

#[test]
fn a_namespace_is_reached_by_all_its_controllers() {
    let sys = tree(PCI);
    let wanted = [
        "/pci@80000002000001c/pci1014,4f5@0/namespace@11",
        "/pci@80000002000001d/pci1014,4f6@0/namespace@11",
    ];
    for name in ["nvme0n1", "nvme0n1p1"] {
        let routes = routes(sys.path(), name).unwrap();
        let paths: Vec<_> = routes.iter().map(|route| route.path.as_str()).collect();
        assert_eq!(paths, wanted);
    }
}

#[test]
fn a_multipath_disk_has_a_path_for_each_way() {
    let sys = tree(NPIV);
    let name = kernel_name(sys.path(), "/dev/mapper/mpathb");
    assert_eq!(name, "dm-1");
    let found = routes(sys.path(), &name).unwrap();
    assert_eq!(found.len(), 8);
    assert_eq!(
        found[0],
        Route {
            path: "/vdevice/vfc-client@30000003/disk@500507680c134c27,1000000000000".into(),
            adapter: "/vdevice/vfc-client@30000003".into(),
            name: "sdb".into(),
        }
    );
    assert_eq!(found[7].name, "sdp");
    // LUN 0, by one way.
    assert_eq!(
        of_path(sys.path(), "sda").unwrap(),
        "/vdevice/vfc-client@30000003/disk@500507680c134c27,0"
    );
    // A logical volume is no disk.
    let volume = routes(sys.path(), &kernel_name(sys.path(), "rootvg-hd4"));
    assert!(matches!(volume, Err(OfPathError::NoNode { .. })));
}

#[test]
fn a_lun_is_written_as_the_bus_has_it() {
    let sys = tree("class/fc_transport/target1:0:0/port_name = 0x50060e8015341309");
    let of = |lun| disk::fibre_channel(sys.path(), "target1:0:0", (0, 0, lun)).unwrap();
    assert_eq!(of(6), "/disk@50060e8015341309,6000000000000");
    assert_eq!(of(0x0005_4001), "/disk@50060e8015341309,4001000500000000");
}

#[test]
fn an_unknown_bus_is_said_by_its_driver() {
    let sys = tree(PCI);
    for (name, driver) in [("sdc", "megaraid_sas"), ("sdd", "mpt3sas")] {
        let error = of_path(sys.path(), name).unwrap_err().to_string();
        assert!(
            error.contains("0590-413") && error.contains(driver),
            "{error}"
        );
    }
    assert!(matches!(
        of_path(sys.path(), "sdz"),
        Err(OfPathError::NoDisk { .. })
    ));
}

#[test]
fn network_adapters_and_what_they_are_told() {
    let sys = tree(QEMU);
    let of = |name, call| network(sys.path(), name, call);
    let plain = Call::default();
    assert_eq!(
        of("eth0", plain).unwrap(),
        "/pci@800000020000000/ethernet@3"
    );
    let call = Call {
        server: Some(Ipv4Addr::new(9, 3, 1, 2)),
        client: Some(Ipv4Addr::new(9, 3, 1, 7)),
        gateway: None,
    };
    let path = of("eth1", call).unwrap();
    assert_eq!(path, "/vdevice/l-lan@71000002:9.3.1.2,,9.3.1.7,0.0.0.0");
    assert!(matches!(of("lo", plain), Err(OfPathError::NoNode { .. })));
    assert!(matches!(
        of("eth9", plain),
        Err(OfPathError::NoInterface { .. })
    ));
    for arguments in [
        "9.3.1.2,,9.3.1.7,0.0.0.0",
        "bootp,9.3.1.2,,9.3.1.7",
        "speed=auto,duplex=auto,009.003.001.002,,009.003.001.007,000.000.000.000,5,5",
    ] {
        assert_eq!(Call::parse(arguments), call, "{arguments}");
    }
    assert_eq!(Call::parse(""), plain);
}
