//! On packages that the host's dpkg-deb makes.

use std::fs::{create_dir_all, write};

use lifeboat_sys::fs;

use super::super::file::Format;
use super::*;

/// Makes a package with these files, each empty; `None` where there is no dpkg-deb.
fn package(directory: &Path, name: &str, files: &[&str]) -> Option<Package> {
    let tree = directory.join(format!("tree-{name}"));
    for file in files {
        let path = tree.join(file);
        create_dir_all(path.parent().unwrap()).unwrap();
        write(path, "").unwrap();
    }
    create_dir_all(tree.join("DEBIAN")).unwrap();
    let control = format!(
        "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.example>\nDescription: x\n"
    );
    fs::write(tree.join("DEBIAN/control"), control).unwrap();
    let file = directory.join(format!("{name}_1_all.deb"));
    let build = Tool::new("dpkg-deb").args(["--root-owner-group", "--build"]);
    build.arg(&tree).arg(&file).run().ok()?;
    Package::of_path(&file, Format::Deb)
}

fn lack(need: Need, package: Option<&str>) -> Lack {
    Lack {
        device: "virtio virtio1".into(),
        modalias: "virtio:d00000001v00001AF4".into(),
        ids: None,
        words: None,
        need,
        package: package.map(str::to_owned),
        needed: true,
    }
}

#[test]
fn the_named_package_is_taken_else_one_with_the_module_never_one_of_another_kernel() {
    let place = tempfile::tempdir().unwrap();
    let make = |name, files| package(place.path(), name, files);
    let (Some(other), Some(ours), Some(firmware)) = (
        make("net-old", &["lib/modules/6.11/kernel/virtio_net.ko"]),
        make("net-new", &["lib/modules/6.12/updates/virtio-net.ko.xz"]),
        make("some-firmware", &["usr/lib/firmware/a/b.fw"]),
    ) else {
        // Without dpkg-deb there are no such packages to choose from.
        return;
    };
    let packages = [other, ours, firmware];
    let module = || Need::Module(Some("virtio_net".into()));

    let mut offers = Offers::new(&packages, "6.12");
    let named = lack(module(), Some("some-firmware"));
    assert_eq!(offers.answer(&named).unwrap(), Some(2));
    let unnamed = lack(module(), Some("linux-image-6.12"));
    assert_eq!(offers.answer(&unnamed).unwrap(), Some(1));
    let firmware = lack(Need::Firmware("a/b.fw".into()), None);
    assert_eq!(offers.answer(&firmware).unwrap(), Some(2));
    let other = lack(Need::Firmware("c.fw".into()), None);
    assert_eq!(offers.answer(&other).unwrap(), None);
    assert_eq!(offers.named("net-old").unwrap(), None);
    assert_eq!(
        offers.refusals(),
        ["0590-525 Package net-old is of kernel 6.11, and 6.12 is running: it is not installed"]
    );
}
