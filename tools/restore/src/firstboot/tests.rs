use std::fs;
use std::path::Path;

use super::*;

const WANTED: &str = "etc/systemd/system/multi-user.target.wants/lifeboat-firstboot.service";
const NOTICE: &str = "etc/profile.d/lifeboat-first-boot.sh";

fn system(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for path in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    root
}

fn installed(root: &Path, stage: &Stage) -> Result<(), FirstBootError> {
    let program = root.join("program");
    fs::write(&program, "binary").unwrap();
    install(root, &program, stage)
}

fn every_file(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap();
                found.push(name.to_string_lossy().into_owned());
            }
        }
    }
    found.retain(|path| path.contains("lifeboat"));
    found.sort();
    found
}

#[test]
fn systemd_starts_it() {
    let root = system(&["usr/lib/systemd/systemd"]);
    installed(root.path(), &Stage::default()).unwrap();
    installed(root.path(), &Stage::default()).unwrap();
    let link = fs::read_link(root.path().join(WANTED)).unwrap();
    assert_eq!(
        link,
        Path::new("/etc/systemd/system/lifeboat-firstboot.service")
    );
    service::uninstall(root.path()).unwrap();
    assert_eq!(every_file(root.path()), Vec::<String>::new());
    service::uninstall(root.path()).unwrap();
}

#[test]
fn init_scripts_start_it() {
    for place in ["etc", "etc/rc.d", "etc/init.d"] {
        let level = format!("{place}/rc3.d/S01x");
        let root = system(&["etc/init.d/x", &level]);
        installed(root.path(), &Stage::default()).unwrap();
        let link = root.path().join(place).join("rc3.d/S02lifeboat-firstboot");
        let to = fs::read_link(&link).unwrap();
        assert_eq!(to, Path::new("/etc/init.d/lifeboat-firstboot"));
        service::disable(root.path()).unwrap();
        assert!(!link.is_symlink());
        service::uninstall(root.path()).unwrap();
        assert_eq!(every_file(root.path()), Vec::<String>::new());
    }
}

#[test]
fn without_either_it_is_told() {
    let root = system(&["etc/passwd"]);
    let error = installed(root.path(), &Stage::default()).unwrap_err();
    assert!(error.to_string().starts_with("0590-471 "));
    assert!(root.path().join(PROGRAM).exists());
}

#[test]
fn what_is_to_be_done_comes_back() {
    let stage = Stage {
        clone: true,
        replay: true,
        script: Some("/root/first".to_owned()),
        phase: Some(1),
    };
    for stage in [stage, Stage::default()] {
        assert_eq!(Stage::parse(&stage.to_text()).unwrap(), stage);
    }
}

/// The root has no kernel modules: that task fails, and the others are done.
#[test]
fn a_task_that_fails_is_told_and_keeps_nothing_from_ending() {
    let root = system(&["usr/lib/systemd/systemd"]);
    let mark = root.path().join("mark");
    let script = root.path().join("script");
    fs::write(
        &script,
        format!("#!/bin/sh\necho once; : >{}\n", mark.display()),
    )
    .unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let stage = Stage {
        script: Some(script.display().to_string()),
        ..Stage::default()
    };
    installed(root.path(), &stage).unwrap();
    let outcome = run(root.path()).unwrap();
    assert_eq!(outcome.failed, ["devices"]);
    assert!(mark.exists());
    let report = fs::read_to_string(outcome.report).unwrap();
    assert!(report.contains("\ndevices: FAILED\n0590-503 "), "{report}");
    assert!(report.contains("\nfirst-boot script: done\n"), "{report}");
    assert!(report.contains("\nonce\n"), "{report}");
    let left = every_file(root.path());
    assert_eq!(left, [NOTICE, REPORT]);
    let notice = fs::read_to_string(root.path().join(NOTICE)).unwrap();
    assert!(
        notice.contains("the first boot failed in part: devices."),
        "{notice}"
    );
    let shell = lifeboat_sys::run::Tool::new("sh").arg("-i");
    let shown = shell.arg(root.path().join(NOTICE)).run().unwrap().text();
    assert!(shown.starts_with("Lifeboat: the first boot"), "{shown}");
}

/// A device whose driver is in a package that is not installed.
#[test]
fn what_is_lacking_is_said_at_login_and_is_no_failure() {
    let release = nix::sys::utsname::uname().unwrap();
    let modules = format!("usr/lib/modules/{}", release.release().display());
    let (dep, alias) = (
        format!("{modules}/modules.dep"),
        format!("{modules}/modules.alias"),
    );
    let modalias = "sys/bus/pci/devices/0000:00:01.0/modalias";
    let table = "etc/lifeboat/packages.d/own.table";
    let builtin = "sys/module/kernel/parameters";
    let root = system(&[
        "usr/lib/systemd/systemd",
        &dep,
        &alias,
        modalias,
        table,
        builtin,
    ]);
    std::os::unix::fs::symlink("usr/lib", root.path().join("lib")).unwrap();
    fs::write(root.path().join(modalias), "pci:v0000ABCDd00000001\n").unwrap();
    fs::write(root.path().join(table), "pci:v0000ABCDd* rare-modules\n").unwrap();
    installed(root.path(), &Stage::default()).unwrap();
    let outcome = run(root.path()).unwrap();
    let report = fs::read_to_string(outcome.report).unwrap();
    assert!(outcome.failed.is_empty(), "{report}");
    assert_eq!(outcome.partly, ["devices"]);
    assert!(
        report.contains("\ndevices: done in part\n") && report.contains("rare-modules"),
        "{report}"
    );
    let notice = fs::read_to_string(root.path().join(NOTICE)).unwrap();
    assert!(
        notice.contains("something is lacking: devices."),
        "{notice}"
    );
}

#[test]
fn device_attributes_are_set_again_where_that_is_wanted() {
    for (clone, skipped) in [
        (false, "hostname routes\n"),
        (true, "hostname routes addresses\n"),
    ] {
        let root = system(&["usr/lib/systemd/systemd", "var/lib/lifeboat/rda.sh"]);
        let script = root.path().join("var/lib/lifeboat/rda.sh");
        fs::write(&script, "echo $RDA_SKIP\necho 1 does not apply >&2\n").unwrap();
        let stage = Stage {
            clone,
            replay: true,
            ..Stage::default()
        };
        installed(root.path(), &stage).unwrap();
        let outcome = run(root.path()).unwrap();
        assert!(!outcome.failed.contains(&"device attributes"));
        let report = fs::read_to_string(outcome.report).unwrap();
        assert!(report.contains("\ndevice attributes: done\n"), "{report}");
        let said = format!("{skipped}1 does not apply\n");
        assert!(report.contains(&said), "{report}");
    }
}
