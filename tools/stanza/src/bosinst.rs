//! `bosinst.data`: how an installation is to run, and on which disk.
//!
//! Only what Lifeboat acts on becomes typed here; everything else stays in the
//! [`Document`] untouched. `docs/image-data.md` describes the fields.

use crate::{Document, FieldError, Stanza};

/// A `bosinst.data` that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BosinstError {
    /// A field with a value that it may not have.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Two stanzas contradict each other by being there.
    #[error("0590-106 {stanza} is there twice, on lines {first} and {second}: which one counts?")]
    Doubled {
        /// What they are called.
        stanza: &'static str,
        /// Line of the first.
        first: usize,
        /// Line of the second.
        second: usize,
    },
}

/// The settings of an installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bosinst {
    /// The `control_flow` stanza.
    pub control: ControlFlow,
    /// The `target_disk_data` stanzas that say anything, in order.
    pub targets: Vec<TargetDisk>,
    /// The `lx_first_boot` stanza.
    pub first_boot: FirstBoot,
}

/// The stanza `lx_first_boot`: whom the restored system shall be, and what it does once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstBoot {
    /// `LX_NEW_IDENTITY`: a clone, which lives beside its source.
    pub new_identity: bool,
    /// `LX_HOSTNAME`: another name for the system.
    pub hostname: Option<String>,
    /// `LX_FIRST_BOOT_SCRIPT`: a program of the restored system that it runs once.
    pub script: Option<String>,
    /// `LX_CFGMGR_PHASE`: how far its devices are configured, 1 to 3 as `cfgmgr -p` has it.
    pub phase: Option<u8>,
}

/// The stanza `control_flow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlFlow {
    /// `CONSOLE`: a device path; `None` for `Default` or blank, the kernel's console.
    pub console: Option<String>,
    /// `INSTALL_METHOD`.
    pub method: InstallMethod,
    /// `PROMPT`: whether a person is asked. `yes` unless told.
    pub prompt: bool,
    /// `EXISTING_SYSTEM_OVERWRITE`.
    pub overwrite: Overwrite,
    /// `RECOVER_DEVICES`.
    pub recover_devices: RecoverDevices,
    /// `IMPORT_USER_VGS`; `None` when blank.
    pub import_user_vgs: Option<bool>,
    /// `ERROR_EXIT`: a program to run when the installation fails.
    pub error_exit: Option<String>,
    /// `CUSTOMIZATION_FILE`: a program to run at the end of the installation.
    pub customization_file: Option<String>,
}

impl Default for ControlFlow {
    fn default() -> Self {
        Self {
            console: None,
            method: InstallMethod::Overwrite,
            prompt: true,
            overwrite: Overwrite::No,
            recover_devices: RecoverDevices::Default,
            import_user_vgs: None,
            error_exit: None,
            customization_file: None,
        }
    }
}

/// `INSTALL_METHOD`. AIX's preserve, migrate and `erase_only` are refused: an
/// installation from a system backup always overwrites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallMethod {
    /// The target disk is laid out anew.
    Overwrite,
}

/// `EXISTING_SYSTEM_OVERWRITE`: which disks may be chosen without a person
/// having named them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Only empty disks.
    No,
    /// Also disks that carry an old root volume group.
    Yes,
    /// Every disk.
    Any,
}

/// `RECOVER_DEVICES`: what becomes of the configuration of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoverDevices {
    /// It stays on the same machine, and is adapted on another.
    Default,
    /// As `Default`, and the recorded device attributes are set again.
    Yes,
    /// It is not carried over.
    No,
}

/// One `target_disk_data` stanza: what is known of a wanted target disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetDisk {
    /// The line the stanza begins on; 0 when it was not read from a file.
    pub line: usize,
    /// `PVID`: UUID of the LVM physical volume on the disk.
    pub pvid: Option<String>,
    /// `SERIAL`: serial number or WWID of the disk (a field of Lifeboat's own).
    pub serial: Option<String>,
    /// `PHYSICAL_LOCATION`.
    pub physical_location: Option<String>,
    /// `SAN_DISKID`: `wwpn//lun`.
    pub san_diskid: Option<String>,
    /// `CONNECTION`: `parent//connwhere`.
    pub connection: Option<String>,
    /// `LOCATION`.
    pub location: Option<String>,
    /// `SIZE_MB`.
    pub size: Option<TargetSize>,
    /// `HDISKNAME`: `hdisk0`, or the kernel's name, `vda`.
    pub name: Option<String>,
}

/// `SIZE_MB` of a wanted disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetSize {
    /// This many MiB.
    Mb(u64),
    /// The largest disk there is.
    Largest,
}

/// One thing to look for in a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion<'a> {
    /// `PVID`.
    Pvid(&'a str),
    /// `SERIAL`.
    Serial(&'a str),
    /// `PHYSICAL_LOCATION`.
    PhysicalLocation(&'a str),
    /// `SAN_DISKID`.
    SanDiskid(&'a str),
    /// `CONNECTION`.
    Connection(&'a str),
    /// `LOCATION`.
    Location(&'a str),
    /// `SIZE_MB`.
    Size(TargetSize),
    /// `HDISKNAME`.
    Name(&'a str),
}

impl TargetDisk {
    /// What is set, in AIX's order of precedence; `SERIAL`, which like `PVID`
    /// belongs to the disk itself and not to its place, comes second.
    pub fn criteria(&self) -> impl Iterator<Item = Criterion<'_>> {
        [
            self.pvid.as_deref().map(Criterion::Pvid),
            self.serial.as_deref().map(Criterion::Serial),
            self.physical_location
                .as_deref()
                .map(Criterion::PhysicalLocation),
            self.san_diskid.as_deref().map(Criterion::SanDiskid),
            self.connection.as_deref().map(Criterion::Connection),
            self.location.as_deref().map(Criterion::Location),
            self.size.map(Criterion::Size),
            self.name.as_deref().map(Criterion::Name),
        ]
        .into_iter()
        .flatten()
    }

    fn from_stanza(stanza: &Stanza) -> Result<Self, FieldError> {
        let text = |field| Ok::<_, FieldError>(stanza.text(field)?.map(str::to_owned));
        let size = stanza.value("SIZE_MB", "a number of MB, largest", |value| {
            if value.eq_ignore_ascii_case("largest") {
                return Some(TargetSize::Largest);
            }
            value.parse().ok().filter(|mb| *mb > 0).map(TargetSize::Mb)
        })?;
        Ok(Self {
            line: stanza.line(),
            pvid: text("PVID")?,
            serial: text("SERIAL")?,
            physical_location: text("PHYSICAL_LOCATION")?,
            san_diskid: text("SAN_DISKID")?,
            connection: text("CONNECTION")?,
            location: text("LOCATION")?,
            size,
            name: text("HDISKNAME")?,
        })
    }
}

impl FirstBoot {
    fn from_stanza(stanza: &Stanza) -> Result<Self, FieldError> {
        let text = |field| Ok::<_, FieldError>(stanza.text(field)?.map(str::to_owned));
        let hostname = stanza.value("LX_HOSTNAME", "a host name", |value| {
            is_host_name(value).then(|| value.to_owned())
        })?;
        Ok(Self {
            new_identity: stanza.yes_no("LX_NEW_IDENTITY")?.unwrap_or(false),
            hostname,
            script: text("LX_FIRST_BOOT_SCRIPT")?,
            phase: stanza.value("LX_CFGMGR_PHASE", "1, 2 or 3", |value| {
                value.parse().ok().filter(|phase| (1..=3).contains(phase))
            })?,
        })
    }
}

/// Labels of letters, digits and hyphens (RFC 1123, 2.1), together no longer than the
/// kernel takes.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(plain) && !label.starts_with('-')
    };
    name.len() <= 64 && name.split('.').all(is_label)
}

impl ControlFlow {
    fn from_stanza(stanza: &Stanza) -> Result<Self, FieldError> {
        let text = |field| Ok::<_, FieldError>(stanza.text(field)?.map(str::to_owned));
        let unless = Self::default();
        let word = |value: &str| value.to_ascii_lowercase();
        let method = stanza.value("INSTALL_METHOD", "overwrite", |value| {
            (word(value) == "overwrite").then_some(InstallMethod::Overwrite)
        })?;
        let overwrite =
            stanza.value(
                "EXISTING_SYSTEM_OVERWRITE",
                "no, yes, any",
                |value| match word(value).as_str() {
                    "no" => Some(Overwrite::No),
                    "yes" => Some(Overwrite::Yes),
                    "any" => Some(Overwrite::Any),
                    _ => None,
                },
            )?;
        let recover = stanza.value("RECOVER_DEVICES", "Default, yes, no", |value| {
            match word(value).as_str() {
                "default" => Some(RecoverDevices::Default),
                "yes" => Some(RecoverDevices::Yes),
                "no" => Some(RecoverDevices::No),
                _ => None,
            }
        })?;
        Ok(Self {
            console: text("CONSOLE")?.filter(|console| word(console) != "default"),
            method: method.unwrap_or(unless.method),
            prompt: stanza.yes_no("PROMPT")?.unwrap_or(unless.prompt),
            overwrite: overwrite.unwrap_or(unless.overwrite),
            recover_devices: recover.unwrap_or(unless.recover_devices),
            import_user_vgs: stanza.yes_no("IMPORT_USER_VGS")?,
            error_exit: text("ERROR_EXIT")?,
            customization_file: text("CUSTOMIZATION_FILE")?,
        })
    }
}

impl Bosinst {
    /// Reads the settings out of a file; whatever it leaves out has its default.
    ///
    /// # Errors
    /// [`BosinstError`] naming the field that cannot be followed.
    pub fn from_document(document: &Document) -> Result<Self, BosinstError> {
        let mut flows = document.named("control_flow");
        let control = flows.next();
        if let (Some(first), Some(second)) = (control, flows.next()) {
            let (first, second) = (first.line(), second.line());
            return Err(BosinstError::Doubled {
                stanza: "control_flow",
                first,
                second,
            });
        }
        let mut targets = Vec::new();
        for stanza in document.named("target_disk_data") {
            let target = TargetDisk::from_stanza(stanza)?;
            // A stanza of blank fields is a form that nobody filled in.
            if target.criteria().next().is_some() {
                targets.push(target);
            }
        }
        let control = control
            .map(ControlFlow::from_stanza)
            .transpose()?
            .unwrap_or_default();
        let mut stages = document.named("lx_first_boot");
        let stage = stages.next();
        if let (Some(first), Some(second)) = (stage, stages.next()) {
            let (first, second) = (first.line(), second.line());
            return Err(BosinstError::Doubled {
                stanza: "lx_first_boot",
                first,
                second,
            });
        }
        let first_boot = stage.map(FirstBoot::from_stanza).transpose()?;
        Ok(Self {
            control,
            targets,
            first_boot: first_boot.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Bosinst, BosinstError> {
        Bosinst::from_document(&Document::parse(text).unwrap())
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        let empty = read(
            "control_flow:\n    CONSOLE = Default\n    PROMPT =\n\ntarget_disk_data:\n    PVID =\n",
        );
        assert_eq!(empty.unwrap(), Bosinst::default());
        assert_eq!(read("").unwrap(), Bosinst::default());
    }

    #[test]
    fn every_field_is_read() {
        let text = "control_flow:\n    CONSOLE = /dev/hvc0\n    INSTALL_METHOD = overwrite\n    PROMPT = No\n    \
            EXISTING_SYSTEM_OVERWRITE = any\n    RECOVER_DEVICES = no\n    IMPORT_USER_VGS = yes\n    \
            ERROR_EXIT = /e\n    CUSTOMIZATION_FILE = /c\n    UNKNOWN = kept\n";
        let control = read(text).unwrap().control;
        assert_eq!(control.console.as_deref(), Some("/dev/hvc0"));
        assert!(!control.prompt);
        assert_eq!(control.overwrite, Overwrite::Any);
        assert_eq!(control.recover_devices, RecoverDevices::No);
        assert_eq!(control.import_user_vgs, Some(true));
        assert_eq!(control.error_exit.as_deref(), Some("/e"));
        assert_eq!(control.customization_file.as_deref(), Some("/c"));
        let text = "lx_first_boot:\n    LX_NEW_IDENTITY = yes\n    LX_HOSTNAME = web-2.example\n    \
            LX_FIRST_BOOT_SCRIPT = /s\n    LX_CFGMGR_PHASE = 2\n";
        let clone = FirstBoot {
            new_identity: true,
            hostname: Some("web-2.example".into()),
            script: Some("/s".into()),
            phase: Some(2),
        };
        assert_eq!(read(text).unwrap().first_boot, clone);
    }

    #[test]
    fn criteria_come_in_the_order_of_precedence() {
        let text = "target_disk_data:\n    HDISKNAME = hdisk1\n    SIZE_MB = 4096\n    LOCATION = l\n    \
            CONNECTION = c\n    SERIAL = s\n    SAN_DISKID = w//0\n    PHYSICAL_LOCATION = p\n    PVID = v\n\n\
            target_disk_data:\n    SIZE_MB = largest\n";
        let targets = read(text).unwrap().targets;
        let first: Vec<_> = targets[0].criteria().collect();
        assert_eq!(
            first,
            [
                Criterion::Pvid("v"),
                Criterion::Serial("s"),
                Criterion::PhysicalLocation("p"),
                Criterion::SanDiskid("w//0"),
                Criterion::Connection("c"),
                Criterion::Location("l"),
                Criterion::Size(TargetSize::Mb(4096)),
                Criterion::Name("hdisk1"),
            ]
        );
        assert_eq!(
            targets[1].criteria().collect::<Vec<_>>(),
            [Criterion::Size(TargetSize::Largest)]
        );
    }

    #[test]
    fn a_wrong_value_is_named_with_the_allowed_ones() {
        for (text, said) in [
            (
                "control_flow:\n    EXISTING_SYSTEM_OVERWRITE = maybe\n",
                "0590-104 control_flow (line 2): EXISTING_SYSTEM_OVERWRITE = \"maybe\" is not allowed; allowed: no, yes, any",
            ),
            (
                "control_flow:\n    INSTALL_METHOD = migrate\n",
                "0590-104 control_flow (line 2): INSTALL_METHOD = \"migrate\" is not allowed; allowed: overwrite",
            ),
            (
                "target_disk_data:\n    SIZE_MB = 0\n",
                "0590-104 target_disk_data (line 2): SIZE_MB = \"0\" is not allowed; allowed: a number of MB, largest",
            ),
            (
                "control_flow:\ncontrol_flow:\n",
                "0590-106 control_flow is there twice, on lines 1 and 2: which one counts?",
            ),
            (
                "lx_first_boot:\nlx_first_boot:\n",
                "0590-106 lx_first_boot is there twice, on lines 1 and 2: which one counts?",
            ),
            (
                "lx_first_boot:\n    LX_CFGMGR_PHASE = 4\n",
                "0590-104 lx_first_boot (line 2): LX_CFGMGR_PHASE = \"4\" is not allowed; allowed: 1, 2 or 3",
            ),
            (
                "lx_first_boot:\n    LX_HOSTNAME = a b\n",
                "0590-104 lx_first_boot (line 2): LX_HOSTNAME = \"a b\" is not allowed; allowed: a host name",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), said);
        }
    }
}
