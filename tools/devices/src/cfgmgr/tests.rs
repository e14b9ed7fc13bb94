//! On recorded trees of sysfs, with kernels that are not there.

use std::fs::{create_dir_all, write};
use std::io::{self, ErrorKind};

use lifeboat_sys::fs::PathContext;

use super::*;
use crate::coldplug::tests::{Growing, PSERIES, TEXTS, plug};
use crate::insert::InsertError;
use crate::lacking::Need;
use crate::modules::Module;

/// A system with the modules of [`TEXTS`], except this one.
fn system<'a>(root: &'a Path, removed: &str) -> System<'a> {
    let system = System {
        root,
        release: "6.12".into(),
    };
    for line in TEXTS.dep.lines() {
        let path = line.split(':').next().unwrap();
        if !path.contains(removed) || removed.is_empty() {
            let path = system.modules().join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, "").unwrap();
        }
    }
    system
}

fn loaded(system: &System<'_>, request: &Request, insert: &dyn Insert) -> Report {
    load(system, request, &ModuleIndex::parse(TEXTS), insert).unwrap()
}

#[test]
fn the_report_says_who_drives_what_and_what_was_loaded() {
    let root = tempfile::tempdir().unwrap();
    let system = system(root.path(), "");
    let sys = system.sys();
    plug(&sys, PSERIES);
    create_dir_all(sys.join("module/cdrom")).unwrap();
    let kernel = Growing {
        sys: &sys,
        excluded: "virtio_blk",
    };
    let report = loaded(&system, &Request::default(), &kernel);
    assert!(!report.loaded.contains(&"cdrom".to_owned()));
    assert!(!report.loaded.contains(&"virtio_blk".to_owned()));
    assert_eq!(report.loaded.len(), 6);
    let text = report.to_string();
    let start = "Devices of kernel 6.12: 12, of which 8 have a driver.\nLoaded now: ";
    assert!(text.starts_with(start), "{text}");
    for line in [
        "  ibmvscsi      vio 71000002\n",
        "  -             virtio virtio0: not taken by virtio_blk\n",
        "  -             vio 71000001: no installed module answers vio:TnvramSqemu,spapr-nvram\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let changes = report.changes();
    for line in [
        "module ibmvscsi loaded",
        "vio 71000002 available, driver ibmvscsi",
        "scsi 0:0:0:0 available, driver sr",
    ] {
        assert!(changes.iter().any(|change| change == line), "{changes:?}");
    }
    assert!(report.is_complete() && report.complaints().is_empty());
}

#[test]
fn a_second_run_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let system = system(root.path(), "");
    let sys = system.sys();
    plug(&sys, PSERIES);
    create_dir_all(sys.join("module")).unwrap();
    let kernel = Growing {
        sys: &sys,
        excluded: "",
    };
    assert!(
        !loaded(&system, &Request::default(), &kernel)
            .changes()
            .is_empty()
    );
    let again = loaded(&system, &Request::default(), &kernel);
    assert_eq!(again.changes(), [""; 0]);
}

#[test]
fn the_first_phase_and_a_name_each_leave_out_the_others() {
    let root = tempfile::tempdir().unwrap();
    let system = system(root.path(), "");
    let sys = system.sys();
    plug(&sys, PSERIES);
    create_dir_all(sys.join("module")).unwrap();
    let kernel = Growing {
        sys: &sys,
        excluded: "",
    };
    let only = Request {
        only: Some("virtio0".into()),
        ..Request::default()
    };
    assert_eq!(loaded(&system, &only, &kernel).loaded, ["virtio_blk"]);
    let boot = Request {
        phase: Phase::Boot,
        ..Request::default()
    };
    let report = loaded(&system, &boot, &kernel);
    assert!(report.loaded.contains(&"ibmvscsi".to_owned()));
    assert!(!report.loaded.contains(&"virtio_net".to_owned()));
    let nobody = Request {
        only: Some("sdz".into()),
        ..Request::default()
    };
    let error = load(&system, &nobody, &ModuleIndex::parse(TEXTS), &kernel).unwrap_err();
    assert_eq!(error.to_string(), "0590-507 There is no device sdz");
}

struct Refusing;

impl Insert for Refusing {
    fn insert(&self, _: &Module) -> Result<(), InsertError> {
        Ok(Err::<(), _>(io::Error::from(ErrorKind::PermissionDenied)).at("load", "x.ko")?)
    }
}

#[test]
fn a_module_that_fails_is_named_with_its_reason() {
    let root = tempfile::tempdir().unwrap();
    let system = system(root.path(), "");
    plug(&system.sys(), "virtio/virtio1 virtio:d00000002v00001AF4\n");
    create_dir_all(system.sys().join("module")).unwrap();
    let report = loaded(&system, &Request::default(), &Refusing);
    assert!(report.loaded.is_empty());
    assert!(!report.is_complete());
    let text = report.to_string();
    let line = "  -             virtio virtio1: virtio_blk failed: 0590-001 Cannot load x.ko: ";
    assert!(text.contains(line), "{text}");
    let complaint = &report.complaints()[0];
    let start = "0590-508 virtio virtio1 has no driver: module virtio_blk cannot be loaded: ";
    assert!(complaint.starts_with(start), "{complaint}");
}

#[test]
fn a_driver_whose_file_is_gone_is_lacking_with_its_package() {
    let root = tempfile::tempdir().unwrap();
    let system = system(root.path(), "virtio_net");
    let sys = system.sys();
    plug(&sys, PSERIES);
    create_dir_all(sys.join("module")).unwrap();
    let index = ModuleIndex::parse(TEXTS);
    let report = load(&system, &Request::default(), &index, &Refusing).unwrap();
    let table = Table::parse(&[], "virtio:d00000001v* linux-image-%r virtio_net\n");
    let looking = Looking {
        distribution: Distribution::parse("ID=debian", "6.12"),
        system: &system,
        index: &index,
        table: &table,
        thorough: false,
    };
    let lacking = looking.at(&report.devices);
    let [lack] = &*lacking else {
        panic!("{lacking:?}")
    };
    assert_eq!(lack.need, Need::Module(Some("virtio_net".into())));
    assert_eq!(
        lack.to_string(),
        "0590-509 virtio virtio1 (1af4:0001) has no driver: virtio_net is in the package \
         linux-image-6.12"
    );
    let report = Report { lacking, ..report };
    assert_eq!(report.packages(), ["linux-image-6.12"]);
}
