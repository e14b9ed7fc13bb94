//! Names of any bytes as one printable word.

/// Bytes outside `!`..`~`, and the backslash, become `\xNN`.
#[must_use]
pub fn escape(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for &byte in name {
        if byte.is_ascii_graphic() && byte != b'\\' {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// The name that [`escape`] made a word of; `None` if it made no such word.
pub(crate) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut name = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            name.push(Some(*first).filter(u8::is_ascii_graphic)?);
            continue;
        }
        let (digits, after) = after.strip_prefix(b"x")?.split_at_checked(2)?;
        // A sign is no digit.
        let digits = std::str::from_utf8(digits)
            .ok()
            .filter(|digits| !digits.starts_with('+'))?;
        name.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let name: Vec<u8> = (0..=255).collect();
        let text = escape(&name);
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(unescape(&text), Some(name));
    }

    #[test]
    fn broken_words_are_refused() {
        for text in ["\\", "\\x", "\\x4", "\\n41", "\\xzz", "\\x+1", "a b", "a\r"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }
}
