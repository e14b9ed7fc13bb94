//! When and where: the stanza `image_data`.

use super::host::Host;
use crate::model::Source;

pub(super) fn source(host: &dyn Host) -> Source {
    let said = |program: &str, arguments: &[&str]| {
        let text = host.run(program, arguments).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let tree = "/proc/device-tree";
    // QEMU numbers a machine that nobody gave a UUID with zeros.
    let is_identity = |text: &String| text.contains(|c| !"0-".contains(c));
    let of_tree = |file: &str| host.text(&format!("{tree}/{file}")).filter(is_identity);
    let release = host
        .text("/etc/os-release")
        .or_else(|| host.text("/usr/lib/os-release"));
    Source {
        date: said("date", &[]),
        uname: said("uname", &["-a"]),
        os_level: release.as_deref().and_then(os_level),
        // A machine of firmware, a virtual machine, a PC.
        cpu_id: of_tree("system-id")
            .or_else(|| of_tree("vm,uuid"))
            .or_else(|| host.text("/sys/class/dmi/id/product_uuid")),
        lpar_id: host
            .read(&format!("{tree}/ibm,partition-no"))
            .and_then(|bytes| bytes.try_into().ok())
            .map(|bytes| u32::from_be_bytes(bytes).to_string()),
        partition_uuid: of_tree("ibm,partition-uuid"),
    }
}

/// `Debian GNU/Linux 13` of os-release(5).
fn os_level(release: &str) -> Option<String> {
    let value = |name: &str| {
        let mut lines = release.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches(['"', '\'']).to_owned())
    };
    let name = value("NAME")?;
    Some(match value("VERSION_ID") {
        Some(version) => format!("{name} {version}"),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_name_and_version() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"13\"\n";
        assert_eq!(os_level(text).as_deref(), Some("Debian GNU/Linux 13"));
        assert_eq!(os_level("NAME=Arch\n").as_deref(), Some("Arch"));
        assert_eq!(os_level(""), None);
    }
}
