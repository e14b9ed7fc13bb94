//! `mdadm.conf` (mdadm.conf(5)): the lines `ARRAY` and `DEVICE`.

use std::collections::BTreeMap;

use super::lines::{Edited, commented, each_entry, fields};
use super::renames::{Fate, Name, Renames, bare};

/// The new text. `labels` are the names in the superblocks of the planned arrays, by
/// their new UUIDs without separators.
pub(super) fn file(text: &[u8], renames: &Renames, labels: &BTreeMap<String, String>) -> Edited {
    each_entry(text, |line| {
        let keyword = line.split_whitespace().next().unwrap_or_default();
        // mdadm takes keywords in any case and cut short to three letters.
        let is = |word: &str| keyword.len() >= 3 && word.starts_with(&keyword.to_ascii_lowercase());
        if line.starts_with([' ', '\t']) || is("array") {
            array(line, renames, labels)
        } else if is("device") {
            device(line)
        } else {
            None
        }
    })
}

/// An array that is not made again is nobody's to assemble or to watch. The names of
/// members are left out: they are old ones, and the UUID says enough.
fn array(line: &str, renames: &Renames, labels: &BTreeMap<String, String>) -> Option<String> {
    let words: Vec<&str> = fields(line).into_iter().map(|at| &line[at]).collect();
    let uuid = words.iter().find_map(|word| tag(word, "uuid="))?;
    let old = bare(uuid);
    let now = match renames.get(&Name::Array(old.clone())) {
        Some(Fate::Gone(why)) => return Some(commented(line, why)),
        Some(Fate::Now(now)) => Some(now.as_str()),
        None => None,
    };
    let label = labels.get(&now.map_or(old, bare));
    // Not an array of the plan.
    if now.is_none() && label.is_none() {
        return None;
    }
    let mut new = line.to_owned();
    for at in fields(line).into_iter().rev() {
        let word = &line[at.clone()];
        if tag(word, "uuid=").is_some() {
            if let Some(now) = now {
                new.replace_range(at.start + "uuid=".len()..at.end, now);
            }
        } else if tag(word, "name=").is_some() {
            if let Some(label) = label {
                new.replace_range(at.start + "name=".len()..at.end, label);
            }
        } else if tag(word, "devices=").is_some() {
            let blanks = new[..at.start].trim_end().len();
            new.replace_range(blanks..at.end, "");
        } else if let Some(Fate::Now(node)) = renames.device(word) {
            new.replace_range(at, &node);
        }
    }
    Some(new)
}

/// Disks by the names they had would be the only ones that mdadm looks at.
fn device(line: &str) -> Option<String> {
    let words = fields(line);
    let mut named = words.iter().skip(1).map(|at| &line[at.clone()]);
    let every = named
        .clone()
        .any(|word| word == "partitions" || word.contains('*'));
    let some = named.any(|word| word.starts_with("/dev/"));
    (some && !every).then(|| format!("{} partitions", &line[..words[0].end]))
}

/// The value of a word, whatever case its key is in.
fn tag<'a>(word: &'a str, key: &str) -> Option<&'a str> {
    let (start, value) = word.split_at_checked(key.len())?;
    start.eq_ignore_ascii_case(key).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# mdadm.conf
HOMEHOST <system>
DEVICE /dev/sda1 /dev/sdb1
ARRAY /dev/md/0 metadata=1.2 UUID=0000aaaa:11111111:22222222:33333333 name=host:0 devices=/dev/sda1,/dev/sdb1
ARRAY /dev/md/1  metadata=1.2 spares=1 UUID=44444444:55555555:66666666:77777777 name=host:1
ARRAY /dev/md/x UUID=88888888:88888888:88888888:88888888
   UUID=44444444:55555555:66666666:77777777
MAILADDR root
";

    fn rewritten(renames: &Renames) -> Edited {
        let labels = [(
            "0000aaaa111111112222222233333333".to_owned(),
            "host:0".to_owned(),
        )];
        file(TEXT.as_bytes(), renames, &labels.into())
    }

    #[test]
    fn an_array_that_stays_loses_only_its_members_old_names() {
        let new = String::from_utf8(rewritten(&Renames::default()).text).unwrap();
        let expected = TEXT
            .replace(" devices=/dev/sda1,/dev/sdb1", "")
            .replace("DEVICE /dev/sda1 /dev/sdb1", "DEVICE partitions");
        assert_eq!(new, expected);
    }

    #[test]
    fn an_array_gets_its_new_identity_or_is_dropped() {
        let mut renames = Renames::default();
        let old = "44444444555555556666666677777777".to_owned();
        renames.add(Name::Array(old), Fate::Now("9999:9999".into()));
        let gone = "0000aaaa111111112222222233333333".to_owned();
        renames.add(Name::Array(gone), Fate::Gone("it lost its mirror".into()));
        let new = String::from_utf8(rewritten(&renames).text).unwrap();
        assert!(
            new.contains("ARRAY /dev/md/1  metadata=1.2 spares=1 UUID=9999:9999 name=host:1\n")
        );
        assert!(new.contains("   UUID=9999:9999\n"));
        assert!(new.contains("# Lifeboat, it lost its mirror: ARRAY /dev/md/0 metadata=1.2"));
        assert!(new.contains("ARRAY /dev/md/x UUID=88888888:88888888:88888888:88888888\n"));
    }
}
