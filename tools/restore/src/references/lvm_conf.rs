//! `lvm.conf` (lvm.conf(5)): filters that let only disks with certain names pass.

use super::lines::{Edited, each_entry};

/// The new text: filters that reject anything accept the new physical volumes first.
/// `names` are the paths of each that a filter may be asked for.
pub(super) fn file(text: &[u8], names: &[String]) -> Edited {
    each_entry(text, |line| {
        let (key, value) = line.split_once('=')?;
        if !["filter", "global_filter"].contains(&key.trim()) || !rejects(value) {
            return None;
        }
        let missing: Vec<String> = names
            .iter()
            .map(|name| format!("\"a|^{}$|\"", escape(name)))
            .filter(|pattern| !value.contains(pattern))
            .collect();
        if missing.is_empty() {
            return None;
        }
        let missing = missing.join(", ");
        // A list, or a single pattern.
        if let Some((before, patterns)) = value.split_once('[') {
            return Some(format!(
                "{key}={before}[ {missing}, {}",
                patterns.trim_start()
            ));
        }
        let pattern = value.trim();
        Some(format!("{key}= [ {missing}, {pattern} ]"))
    })
}

/// Patterns look like `"r|.*|"`, with any character in place of the bar. Those of a
/// list may go on in further lines.
fn rejects(value: &str) -> bool {
    value.contains("\"r") || (value.contains('[') && !value.contains(']'))
}

/// The characters of a path that mean something else in a pattern.
fn escape(name: &str) -> String {
    name.replace('.', "\\.").replace('+', "\\+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_volumes_pass_the_filter() {
        let names = ["/dev/vda3".to_owned()];
        for (old, new) in [
            (
                "\tglobal_filter = [ \"a|/dev/sda.*|\", \"r|.*|\" ]\n",
                "\tglobal_filter = [ \"a|^/dev/vda3$|\", \"a|/dev/sda.*|\", \"r|.*|\" ]\n",
            ),
            (
                "filter=\"r|/dev/sd|\"\n",
                "filter= [ \"a|^/dev/vda3$|\", \"r|/dev/sd|\" ]\n",
            ),
            (
                "\t# filter = [ \"r|.*|\" ]\n",
                "\t# filter = [ \"r|.*|\" ]\n",
            ),
            ("\tfilter = [ \"a|.*|\" ]\n", "\tfilter = [ \"a|.*|\" ]\n"),
            ("\tscan = [ \"/dev\" ]\n", "\tscan = [ \"/dev\" ]\n"),
        ] {
            let once = file(old.as_bytes(), &names).text;
            assert_eq!(String::from_utf8_lossy(&once), new);
            assert_eq!(file(&once, &names).edits, []);
        }
        assert_eq!(file(b"filter = [ \"r|.*|\" ]\n", &[]).edits, []);
    }
}
