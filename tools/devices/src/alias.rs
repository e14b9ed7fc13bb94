//! Device aliases: which modules say that they drive a device.
//!
//! A device names itself in its `modalias`, a module carries patterns for such
//! names. Debian has 22 000 patterns, and an emulated processor is slow, so a
//! pattern is found by the text before its first wildcard. The table of packages
//! is looked up in the same way.

/// Patterns, and what each of them is the answer to: a module, a package.
#[derive(Debug, Default)]
pub struct AliasIndex {
    /// Sorted by literal text, then by place in the file.
    entries: Vec<Entry>,
    /// `lengths[n]`: some pattern's literal text is `n` bytes long.
    lengths: Vec<bool>,
}

#[derive(Debug)]
struct Entry {
    pattern: Box<str>,
    /// Bytes before the first wildcard.
    literal: usize,
    answer: Box<str>,
    /// Place in the file; earlier answers are preferred.
    place: usize,
}

impl Entry {
    fn literal(&self) -> &[u8] {
        &self.pattern.as_bytes()[..self.literal]
    }
}

impl AliasIndex {
    /// An index of `(pattern, module)` pairs, in the file's order.
    pub fn new<'a>(aliases: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let aliases = aliases.into_iter();
        Self::of_answers(aliases.map(|(pattern, module)| (pattern, crate::normalised(module))))
    }

    /// An index of `(pattern, answer)` pairs, whose answers stay as they are written.
    pub fn of_answers<'a, A: Into<Box<str>>>(
        aliases: impl IntoIterator<Item = (&'a str, A)>,
    ) -> Self {
        let entry = |(place, (pattern, answer)): (usize, (&str, A))| {
            let pattern = alias_normalised(pattern).into_boxed_str();
            let literal = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
            Entry {
                pattern,
                literal,
                answer: answer.into(),
                place,
            }
        };
        let mut entries: Vec<Entry> = aliases.into_iter().enumerate().map(entry).collect();
        entries.sort_unstable_by(|a, b| (a.literal(), a.place).cmp(&(b.literal(), b.place)));
        let longest = entries.iter().map(|entry| entry.literal).max();
        let mut lengths = vec![false; longest.map_or(0, |longest| longest + 1)];
        for entry in &entries {
            lengths[entry.literal] = true;
        }
        Self { entries, lengths }
    }

    /// The answers whose patterns match, each once, preferred ones first.
    #[must_use]
    pub fn matching(&self, modalias: &str) -> Vec<&str> {
        let name = alias_normalised(modalias);
        let name = name.as_bytes();
        let mut found: Vec<&Entry> = Vec::new();
        for length in 0..self.lengths.len().min(name.len() + 1) {
            if !self.lengths[length] {
                continue;
            }
            let literal = &name[..length];
            let from = self
                .entries
                .partition_point(|entry| entry.literal() < literal);
            let same = self.entries[from..]
                .iter()
                .take_while(|e| e.literal() == literal);
            found
                .extend(same.filter(|e| matches(&e.pattern.as_bytes()[length..], &name[length..])));
        }
        found.sort_unstable_by_key(|entry| entry.place);
        let mut answers: Vec<&str> = Vec::new();
        for entry in found {
            if !answers.contains(&&*entry.answer) {
                answers.push(&entry.answer);
            }
        }
        answers
    }

    /// How many patterns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// `-` and `_` are the same in an alias too, except within brackets.
fn alias_normalised(alias: &str) -> String {
    let mut inside = false;
    let normalise = |c| {
        inside = (inside || c == '[') && c != ']';
        if c == '-' && !inside { '_' } else { c }
    };
    alias.chars().map(normalise).collect()
}

/// Whether a pattern with `*`, `?` and `[…]` (the wildcards that the kernel's
/// aliases use, as in fnmatch(3)) matches the whole text.
///
/// Where a `*` took too little, only the last one is tried again with a byte
/// more: any match that an earlier one could give, the last can give as well.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
        } else if let Some(length) = one(&pattern[p..], text[t]) {
            p += length;
            t += 1;
        } else if let Some((after, taken)) = retry {
            (p, t) = (after, taken + 1);
            retry = Some((p, t));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// The length of the element at the start of `pattern` if it matches `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => match set(pattern) {
            Some((members, length)) => members(byte).then_some(length),
            // A bracket that is never closed means itself.
            None => (byte == b'[').then_some(1),
        },
        literal => (literal == byte).then_some(1),
    }
}

/// The set `[…]` at the start of `pattern` and its length; `None` if unclosed.
fn set(pattern: &[u8]) -> Option<(impl Fn(u8) -> bool, usize)> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let from = 1 + usize::from(negated);
    // A bracket that stands first is a member.
    let close = from
        + 1
        + pattern
            .get(from + 1..)?
            .iter()
            .position(|&byte| byte == b']')?;
    let members = &pattern[from..close];
    let contains = move |byte: u8| {
        let mut rest = members;
        loop {
            rest = match *rest {
                [low, b'-', high, ref rest @ ..] if (low..=high).contains(&byte) => {
                    return !negated;
                }
                [_, b'-', _, ref rest @ ..] => rest,
                [member, ..] if member == byte => return !negated,
                [_, ref rest @ ..] => rest,
                [] => return negated,
            };
        }
    };
    Some((contains, close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, word by word: slow, recursive, obviously right.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        let Some((&first, rest)) = pattern.split_first() else {
            return text.is_empty();
        };
        if first == '*' {
            return (0..=text.len()).any(|taken| naive(rest, &text[taken..]));
        }
        let Some((&c, text)) = text.split_first() else {
            return false;
        };
        let closing = rest.iter().skip(2).position(|&c| c == ']').map(|at| at + 2);
        let closing = rest
            .iter()
            .skip(1)
            .position(|&c| c == ']')
            .map(|at| at + 1)
            .filter(|_| !matches!(rest[0], '!' | '^'))
            .or(closing);
        match (first, closing) {
            ('?', _) => naive(rest, text),
            ('[', Some(closing)) => {
                let negated = matches!(rest[0], '!' | '^');
                let members = &rest[usize::from(negated)..closing];
                let mut all = Vec::new();
                let mut at = 0;
                while at < members.len() {
                    if at + 2 < members.len() && members[at + 1] == '-' {
                        all.extend(members[at]..=members[at + 2]);
                        at += 3;
                    } else {
                        all.push(members[at]);
                        at += 1;
                    }
                }
                all.contains(&c) != negated && naive(&rest[closing + 1..], text)
            }
            _ => first == c && naive(rest, text),
        }
    }

    const ALIASES: &str = "\
pci:v00001014d0000034Asv*sd*bc*sc*i* ipr
pci:v*d*sv*sd*bc01sc06i01* ahci
pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
virtio:d00000002v* virtio_blk
vio:TvscsiSIBM,v-scsi* ibmvscsi
scsi:t-0x00* sd_mod
scsi:t-0x0[57]* sr_mod
of:N*T*Cns16550 of_serial
dm-multipath dm-mod
hid:b0003g*v0000056Ap* wacom
hid:b0003g*v*p* hid-generic";

    fn index() -> AliasIndex {
        AliasIndex::new(ALIASES.lines().map(|line| line.rsplit_once(' ').unwrap()))
    }

    #[test]
    fn devices_of_a_power_machine_find_their_drivers() {
        for (modalias, modules) in [
            (
                "pci:v00001014d0000034Asv00001014sd0000030Abc01sc04i00",
                &["ipr"][..],
            ),
            (
                "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01",
                &["ahci"],
            ),
            (
                "pci:v00001AF4d00001050sv00000000sd00000000bc01sc06i01",
                &["ahci", "virtio_pci"],
            ),
            ("virtio:d00000002v00001AF4", &["virtio_blk"]),
            ("vio:TvscsiSIBM,v-scsi", &["ibmvscsi"]),
            ("scsi:t-0x05", &["sr_mod"]),
            ("scsi:t-0x07", &["sr_mod"]),
            ("scsi:t-0x06", &[]),
            ("of:NserialTserialCns16550", &["of_serial"]),
            (
                "hid:b0003g0001v0000056Ap00000010",
                &["wacom", "hid_generic"],
            ),
            ("dm_multipath", &["dm_mod"]),
            ("", &[]),
            ("pci:", &[]),
        ] {
            assert_eq!(index().matching(modalias), modules, "{modalias}");
        }
    }

    #[test]
    fn brackets_keep_their_ranges_when_dashes_are_normalised() {
        assert_eq!(alias_normalised("usb:v1d[0-9]-x"), "usb:v1d[0-9]_x");
        let index = AliasIndex::new([("usb:v1d[0-9]-x", "m")]);
        assert_eq!(index.matching("usb:v1d5-x"), ["m"]);
        assert!(index.matching("usb:v1d--x").is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn matching_is_as_defined(pattern in "[ab*?!^\\[\\]-]{0,8}", text in "[ab!\\[-]{0,6}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                naive(&chars(&pattern), &chars(&text))
            );
        }

        #[test]
        fn the_index_finds_what_a_look_at_every_pattern_finds(
            patterns in prop::collection::vec("[ab]{0,3}[ab*?]{0,4}", 0..20),
            name in "[ab]{0,6}",
        ) {
            let module = |at: usize| format!("m{at}");
            let modules: Vec<String> = (0..patterns.len()).map(module).collect();
            let pairs = || patterns.iter().map(String::as_str).zip(modules.iter().map(String::as_str));
            let expected: Vec<&str> = pairs()
                .filter(|(pattern, _)| matches(pattern.as_bytes(), name.as_bytes()))
                .map(|(_, module)| module)
                .collect();
            let index = AliasIndex::new(pairs());
            prop_assert_eq!(index.matching(&name), expected);
        }
    }
}
