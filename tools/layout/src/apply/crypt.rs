//! Encrypted devices, made and opened by cryptsetup.

use std::path::Path;
use std::time::{Duration, Instant};

use lifeboat_sys::fs::attribute;
use lifeboat_sys::run::Tool;

use super::disk::{LIMIT, at_least, blank_node, is_block_device, wait_for};
use super::keys::Keys;
use super::{ApplyError, header};
use crate::lvm::UDEV;
use crate::plan::PlannedCrypt;

/// How long one may take to be made: with integrity protection every sector is
/// written.
const MAKE_LIMIT: Duration = Duration::from_secs(12 * 3600);

/// Persistent flags as headers name them, and the options that set them.
const FLAGS: [(&str, &str); 5] = [
    ("allow-discards", "--allow-discards"),
    ("same-cpu-crypt", "--perf-same_cpu_crypt"),
    ("submit-from-crypt-cpus", "--perf-submit_from_crypt_cpus"),
    ("no-read-workqueue", "--perf-no_read_workqueue"),
    ("no-write-workqueue", "--perf-no_write_workqueue"),
];

/// Makes the header and opens the device; its node exists afterwards.
pub(super) fn make(crypt: &PlannedCrypt, keys: &Keys) -> Result<(), ApplyError> {
    let key = keys
        .get(&crypt.name)
        .ok_or_else(|| ApplyError::NoKey(crypt.name.clone()))?;
    let saved = keys.header(&crypt.name);
    match saved {
        Some(file) => header::restore(crypt, file)?,
        None => format(crypt, key)?,
    }
    let open = tool().args(open_arguments(crypt)).stdin(key);
    run(&open, || format!("open encrypted device {}", crypt.name))?;
    let node = Path::new(&crypt.device);
    if !wait_for(|| is_block_device(node), Instant::now() + LIMIT) {
        return Err(ApplyError::NoNode(crypt.device.clone()));
    }
    let said = run(&tool().args(["luksUUID", &crypt.under]), || {
        format!("read back encrypted device {}", crypt.name)
    })?;
    if said.trim() != crypt.uuid {
        return Err(ApplyError::NotAsPlanned {
            what: format!("encrypted device {}", crypt.name),
            wanted: crypt.uuid.clone(),
            read: said.trim().to_owned(),
        });
    }
    at_least(&crypt.device, crypt.size)?;
    if saved.is_some() {
        // With the old key the old contents of an old disk shine through.
        blank_node(&crypt.device)?;
    }
    Ok(())
}

/// Makes a new header.
fn format(crypt: &PlannedCrypt, key: &[u8]) -> Result<(), ApplyError> {
    let memory = memory(&attribute("/proc/meminfo").unwrap_or_default());
    let format = tool().args(format_arguments(crypt, memory)).stdin(key);
    run(&format.deadline(MAKE_LIMIT), || {
        format!("make encrypted device {}", crypt.name)
    })
    .map(drop)
}

/// Closes an open device, so that what it lies on can be let go.
pub(super) fn close(name: &str) -> Result<(), ApplyError> {
    let close = tool().args(["close", name]);
    run(&close, || format!("close encrypted device {name}")).map(drop)
}

/// `cryptsetup`; where no udev runs the device mapper makes its nodes itself.
pub(super) fn tool() -> Tool {
    let tool = Tool::new("cryptsetup");
    if Path::new(UDEV).exists() {
        tool
    } else {
        tool.env("DM_DISABLE_UDEV", "1")
    }
}

/// KiB that turning a passphrase into a key may take on this machine, from
/// `/proc/meminfo`: half of what is free.
fn memory(meminfo: &str) -> u64 {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let free = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    free.unwrap_or_default() / 2
}

/// The arguments that make a header with the recorded parameters.
fn format_arguments(crypt: &PlannedCrypt, memory: u64) -> Vec<String> {
    let mut argv = ["luksFormat", "--batch-mode", "--key-file=-"]
        .map(str::to_owned)
        .to_vec();
    let mut option = |name: &str, value: &str| argv.push(format!("--{name}={value}"));
    option("type", &format!("luks{}", crypt.version));
    option("uuid", &crypt.uuid);
    option("cipher", &crypt.cipher);
    option("key-size", &crypt.key_bits.to_string());
    if let Some(hash) = &crypt.hash {
        option("hash", hash);
    }
    if crypt.offset > 0 {
        option("offset", &(crypt.offset / 512).to_string());
    }
    // LUKS 1 has none of these.
    if crypt.version > 1 {
        option("sector-size", &crypt.sector.to_string());
        for (name, value) in [("label", &crypt.label), ("subsystem", &crypt.subsystem)] {
            if let Some(value) = value {
                option(name, value);
            }
        }
        if let Some(integrity) = &crypt.integrity {
            option("integrity", &integrity_option(integrity));
        }
        if let Some(pbkdf) = &crypt.pbkdf {
            option("pbkdf", pbkdf);
        }
    }
    argv.extend(cost(crypt, memory));
    argv.push(crypt.under.clone());
    argv
}

/// The header says `hmac(sha256)`, the option `hmac-sha256`.
fn integrity_option(recorded: &str) -> String {
    recorded.replace('(', "-").replace(')', "")
}

/// What opening costs: as recorded, unless this machine has too little memory for
/// it; then as much as it has, and cryptsetup finds out how often.
fn cost(crypt: &PlannedCrypt, memory: u64) -> Vec<String> {
    let recorded = crypt.cost.as_deref().unwrap_or_default();
    let value = |key: &str| {
        let mut fields = recorded.split_whitespace();
        fields.find_map(|field| {
            field
                .strip_prefix(key)?
                .strip_prefix('=')?
                .parse::<u64>()
                .ok()
        })
    };
    let mut argv = Vec::new();
    let rounds = value("time").or(value("iterations"));
    let wanted = value("memory");
    let enough = wanted.is_none_or(|wanted| wanted <= memory);
    if let Some(rounds) = rounds.filter(|_| enough) {
        argv.push(format!("--pbkdf-force-iterations={rounds}"));
    }
    if let Some(wanted) = wanted {
        argv.push(format!("--pbkdf-memory={}", wanted.min(memory)));
    }
    if let Some(cpus) = value("cpus") {
        argv.push(format!("--pbkdf-parallel={cpus}"));
    }
    argv
}

/// The arguments that open it; its flags are stored in the header then.
fn open_arguments(crypt: &PlannedCrypt) -> Vec<String> {
    let mut argv = ["open", "--type=luks", "--key-file=-"]
        .map(str::to_owned)
        .to_vec();
    let known = |flag: &String| FLAGS.iter().find(|(name, _)| name == flag);
    let flags: Vec<String> = crypt
        .flags
        .iter()
        .filter_map(|flag| Some(known(flag)?.1.to_owned()))
        .collect();
    if crypt.version > 1 && !flags.is_empty() {
        argv.extend(flags);
        argv.push("--persistent".to_owned());
    }
    argv.extend([crypt.under.clone(), crypt.name.clone()]);
    argv
}

pub(super) fn run(tool: &Tool, what: impl FnOnce() -> String) -> Result<String, ApplyError> {
    match tool.run() {
        Ok(output) => Ok(output.text()),
        Err(source) => Err(ApplyError::Crypt {
            what: what(),
            source,
        }),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn crypt() -> PlannedCrypt {
        PlannedCrypt {
            name: "luks-home".into(),
            device: "/dev/mapper/luks-home".into(),
            under: "/dev/vda3".into(),
            version: 2,
            uuid: "6f8a1c52-0d1b-4e5a-9c3e-2b7d4f1a6e01".into(),
            old_uuid: "6f8a1c52-0d1b-4e5a-9c3e-2b7d4f1a6e01".into(),
            label: Some("home".into()),
            subsystem: None,
            cipher: "aes-xts-plain64".into(),
            key_bits: 512,
            hash: Some("sha256".into()),
            sector: 4096,
            offset: 16 << 20,
            pbkdf: Some("argon2id".into()),
            cost: Some("time=4 memory=1048576 cpus=4".into()),
            flags: vec!["allow-discards".into()],
            integrity: None,
            size: 1 << 30,
            old_size: 1 << 30,
            key_file: None,
            options: None,
        }
    }

    #[test]
    fn a_header_is_made_as_it_was() {
        assert_eq!(
            format_arguments(&crypt(), 2 << 20).join(" "),
            "luksFormat --batch-mode --key-file=- --type=luks2 \
             --uuid=6f8a1c52-0d1b-4e5a-9c3e-2b7d4f1a6e01 --cipher=aes-xts-plain64 --key-size=512 \
             --hash=sha256 --offset=32768 --sector-size=4096 --label=home --pbkdf=argon2id \
             --pbkdf-force-iterations=4 --pbkdf-memory=1048576 --pbkdf-parallel=4 /dev/vda3"
        );
        assert_eq!(
            open_arguments(&crypt()).join(" "),
            "open --type=luks --key-file=- --allow-discards --persistent /dev/vda3 luks-home"
        );
    }

    #[test]
    fn a_small_machine_opens_with_the_memory_that_it_has() {
        let meminfo = "MemTotal: 500000 kB\nMemAvailable:     400000 kB\n";
        assert_eq!(memory(meminfo), 200_000);
        assert_eq!(
            cost(&crypt(), memory(meminfo)),
            ["--pbkdf-memory=200000", "--pbkdf-parallel=4"]
        );
    }

    #[test]
    fn luks_1_is_told_nothing_that_it_has_not() {
        let old = PlannedCrypt {
            version: 1,
            pbkdf: Some("pbkdf2".into()),
            cost: Some("iterations=123456".into()),
            ..crypt()
        };
        assert_eq!(
            format_arguments(&old, 0).join(" "),
            "luksFormat --batch-mode --key-file=- --type=luks1 \
             --uuid=6f8a1c52-0d1b-4e5a-9c3e-2b7d4f1a6e01 --cipher=aes-xts-plain64 --key-size=512 \
             --hash=sha256 --offset=32768 --pbkdf-force-iterations=123456 /dev/vda3"
        );
        assert!(!open_arguments(&old).contains(&"--persistent".to_owned()));
    }

    #[test]
    fn integrity_is_spelled_as_the_option_wants_it() {
        assert_eq!(integrity_option("hmac(sha256)"), "hmac-sha256");
        assert_eq!(integrity_option("aead"), "aead");
    }
}
