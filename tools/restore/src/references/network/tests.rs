use std::fs;

use super::*;

const OLD: &str = "52:54:00:00:00:01";
const NEW: &str = "52:54:00:00:00:99";

fn card(name: &str, mac: &str, location: &str) -> Card {
    Card {
        name: name.to_owned(),
        mac: Some(mac.to_owned()).filter(|mac| !mac.is_empty()),
        driver: Some("virtio_net".to_owned()),
        location: location.to_owned(),
        modalias: None,
    }
}

fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn text(root: &tempfile::TempDir, path: &str) -> String {
    fs::read_to_string(root.path().join(path)).unwrap()
}

#[test]
fn another_card_gets_the_name_and_the_configuration() {
    let interfaces = "auto enp0s1\niface enp0s1 inet dhcp\n";
    let keyfile = "etc/NetworkManager/system-connections/lan.nmconnection";
    let root = system(&[
        ("etc/network/interfaces", interfaces),
        (keyfile, "[ethernet]\nmac-address=52:54:00:00:00:01\n"),
    ]);
    let old = [card("enp0s1", OLD, "pci0000:00/0000:00:01.0")];
    let new = [card("eth0", NEW, "vio/30000002")];
    let moved = rewrite(root.path(), &old, &new, true).unwrap();
    assert_eq!(text(&root, "etc/network/interfaces"), interfaces);
    assert_eq!(
        text(&root, keyfile),
        format!("[ethernet]\nmac-address={NEW}\n")
    );
    let link = "etc/systemd/network/10-lifeboat-enp0s1.link";
    assert!(
        text(&root, link).ends_with(
            "\n[Match]\nMACAddress=52:54:00:00:00:99\nType=ether\n\n[Link]\nName=enp0s1\n"
        )
    );
    assert_eq!(
        moved.summary(),
        "enp0s1 is the card virtio_net at vio/30000002 now; 2 lines changed, see the log"
    );
    assert!(moved.findings().is_empty());
    // Once more onto a third machine: the link is there already.
    let third = [card("eth0", "52:54:00:00:00:77", "vio/30000003")];
    let before = [card("enp0s1", NEW, "vio/30000002")];
    let moved = rewrite(root.path(), &before, &third, true).unwrap();
    assert_eq!(moved.edits.len(), 2);
    assert!(text(&root, link).contains("MACAddress=52:54:00:00:00:77\n"));
}

#[test]
fn a_card_that_a_rule_of_debian_names_is_named_by_a_rule_before_it() {
    let root = system(&[("etc/network/interfaces", "auto enp0s1\n")]);
    let old = [card("enp0s1", OLD, "pci0000:00/0000:00:01.0")];
    let new = [Card {
        driver: Some("ibmveth".into()),
        ..card("ibmveth2", NEW, "vio/30000002")
    }];
    let moved = rewrite(root.path(), &old, &new, true).unwrap();
    assert_eq!(moved.edits.len(), 2);
    let rule = text(&root, "etc/udev/rules.d/70-lifeboat-enp0s1.rules");
    assert!(rule.ends_with(
        "\nACTION==\"add\", SUBSYSTEM==\"net\", DRIVERS==\"ibmveth\", ATTR{address}==\"52:54:00:00:00:99\", NAME=\"enp0s1\"\n"
    ));
    assert!(text(&root, "etc/systemd/network/10-lifeboat-enp0s1.link").contains(NEW));
}

#[test]
fn the_same_cards_change_nothing() {
    let root = system(&[("etc/netplan/a.yaml", "macaddress: 52:54:00:00:00:01\n")]);
    let cards = [card("enp0s1", OLD, "pci0000:00/0000:00:01.0")];
    let moved = rewrite(root.path(), &cards, &cards, false).unwrap();
    assert_eq!(
        (moved.summary().as_str(), moved.edits.len()),
        ("as it was", 0)
    );
    assert!(!root.path().join("etc/systemd").exists());
}

#[test]
fn a_name_that_is_bound_already_is_not_bound_twice() {
    let rules = "etc/udev/rules.d/70-persistent-net.rules";
    let rule =
        |mac: &str| format!("SUBSYSTEM==\"net\", ATTR{{address}}==\"{mac}\", NAME=\"eth0\"\n");
    let root = system(&[(rules, &rule(OLD))]);
    let old = [card("eth0", OLD, "vio/30000002")];
    let new = [card("eth0", NEW, "vio/30000003")];
    rewrite(root.path(), &old, &new, true).unwrap();
    assert_eq!(text(&root, rules), rule(NEW));
    assert!(!root.path().join("etc/systemd").exists());
}

#[test]
fn what_cannot_be_decided_is_told() {
    let network = "[Match]\nPath=pci-0000:00:01.0\n";
    let root = system(&[("etc/systemd/network/lan.network", network)]);
    let old = [
        card("enp0s1", OLD, "pci0000:00/0000:00:01.0"),
        card("enp0s2", "52:54:00:00:00:02", "pci0000:00/0000:00:02.0"),
    ];
    let one = [card("eth0", NEW, "vio/30000002")];
    let moved = rewrite(root.path(), &old, &one, true).unwrap();
    assert!(moved.findings()[0].starts_with("0590-486 ") && moved.edits.is_empty());
    assert!(moved.findings()[0].contains("enp0s1 or enp0s2"));
    let two = [
        card("eth0", "", "vio/30000002"),
        card("eth1", NEW, "vio/30000003"),
    ];
    let findings = rewrite(root.path(), &old, &two, true).unwrap().findings();
    let numbers: Vec<_> = findings.iter().map(|finding| &finding[..8]).collect();
    assert_eq!(numbers, ["0590-487", "0590-488", "0590-489"]);
    assert_eq!(text(&root, "etc/systemd/network/lan.network"), network);
}

#[test]
fn fixed_addresses_are_found() {
    let root = system(&[
        (
            "etc/network/interfaces",
            "iface a inet static\n    address 10.0.0.2/24\n",
        ),
        (
            "etc/network/interfaces.d/b",
            "iface b inet dhcp\n# address 10.0.0.9\n",
        ),
        (
            "etc/netplan/a.yaml",
            "      addresses:\n        - 10.0.0.3/24\n",
        ),
        (
            "etc/sysconfig/network-scripts/ifcfg-a",
            "IPADDR=\"10.0.0.4\"\n",
        ),
        (
            "etc/sysconfig/network-scripts/ifcfg-b",
            "IPADDR=\nBOOTPROTO=dhcp\n",
        ),
    ]);
    assert_eq!(fixed(root.path()).unwrap().len(), 3);
}
