//! Lines and columns.

/// Where the text of a heading begins.
const INDENT: usize = 14;

/// Columns that a row of the tables takes.
pub(super) const TABLE: usize = 76;

/// Columns of each half of two that stand side by side.
const HALF: usize = 36;

/// A row of the tables: what, for what, new and old size.
pub(super) fn row(name: &str, purpose: &str, new: &str, old: &str) -> String {
    let (name, purpose) = (shorten(name, 18), shorten(purpose, 32));
    format!("  {name:<18} {purpose:<32} {new:>10} {old:>10}")
        .trim_end()
        .to_owned()
}

/// Cuts the middle out of a text that is too long for its column.
fn shorten(text: &str, room: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= room {
        return text.to_owned();
    }
    let (front, back) = (room / 2 - 1, room - room / 2 - 1);
    let head: String = letters[..front].iter().collect();
    let tail: String = letters[letters.len() - back..].iter().collect();
    format!("{head}..{tail}")
}

/// A heading and its text, broken between words; a word that is too long for a
/// line is broken within.
pub(super) fn wrap(head: &str, text: &str, width: usize) -> Vec<String> {
    let rows = broken(text, width - INDENT);
    let heads = std::iter::once(head).chain(std::iter::repeat(""));
    rows.iter()
        .zip(heads)
        .map(|(row, head)| format!("{head:<INDENT$}{row}").trim_end().to_owned())
        .collect()
}

/// Two lists of texts, each broken into its half of the line.
pub(super) fn beside(left: &[String], right: &[String]) -> Vec<String> {
    let halves = |texts: &[String]| -> Vec<String> {
        texts.iter().flat_map(|text| broken(text, HALF)).collect()
    };
    let (left, right) = (halves(left), halves(right));
    (0..left.len().max(right.len()))
        .map(|at| {
            let empty = String::new();
            let (left, right) = (left.get(at), right.get(at));
            let (left, right) = (left.unwrap_or(&empty), right.unwrap_or(&empty));
            format!("  {left:<HALF$}  {right}").trim_end().to_owned()
        })
        .collect()
}

/// A text in rows of at most `room` letters.
fn broken(text: &str, room: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let used = rows.last().map_or(0, |row| row.chars().count());
            let gap = usize::from(used > 0);
            if used + gap + word.len() > room && used > 0 {
                rows.push(String::new());
                continue;
            }
            let rest = word.split_off(word.len().min(room));
            if let Some(row) = rows.last_mut() {
                row.push_str(&" "[..gap]);
                row.extend(word);
            }
            word = rest;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn wrapped_lines_fit_and_lose_nothing(text in "[a-z ]{0,300}", width in 40usize..100) {
            let lines = wrap("Head", &text, width);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&lines.concat()), letters(&format!("Head{text}")));
        }
    }
}
