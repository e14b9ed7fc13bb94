//! What takes the space, and the budgets that the build keeps.
//!
//! Source of the numbers: the project's design, "Budgets".

use std::fmt;

/// One kibibyte.
const KIB: u64 = 1 << 10;
/// One mebibyte.
const MIB: u64 = 1 << 20;

/// Something that has a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// The compressed initramfs.
    Initramfs,
    /// The ISO without a backup.
    Iso,
    /// The stripped multi-call binary.
    Lifeboat,
    /// The compressed table of packages.
    Table,
}

impl Budget {
    /// The most bytes that it may have.
    pub fn limit(self) -> u64 {
        match self {
            Self::Initramfs => 28 * MIB,
            Self::Iso => 44 * MIB,
            Self::Lifeboat => 6 * MIB,
            Self::Table => 300 * KIB,
        }
    }

    /// Passes what is within the budget.
    ///
    /// # Errors
    /// [`OverBudget`] with both numbers.
    pub fn check(self, bytes: u64) -> Result<(), OverBudget> {
        if bytes <= self.limit() {
            return Ok(());
        }
        Err(OverBudget { what: self, bytes })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initramfs => "initramfs",
            Self::Iso => "ISO without a backup",
            Self::Lifeboat => "lifeboat binary",
            Self::Table => "table of packages",
        })
    }
}

/// Something is bigger than it may be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "0590-813 The {what} has {bytes} bytes; its budget is {} (see the table of sizes)",
    what.limit()
)]
pub struct OverBudget {
    what: Budget,
    bytes: u64,
}

/// One line of the table of sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The component.
    pub name: String,
    /// Bytes of its files.
    pub raw: u64,
    /// Bytes that it takes in the image.
    pub packed: u64,
}

/// The table of sizes, biggest share first, with a last line that sums up.
pub fn table(title: &str, shares: &[Share]) -> String {
    let mut sorted = shares.to_vec();
    sorted.sort_by_key(|share| std::cmp::Reverse(share.packed));
    sorted.push(Share {
        name: "together".to_owned(),
        raw: shares.iter().map(|share| share.raw).sum(),
        packed: shares.iter().map(|share| share.packed).sum(),
    });
    let mut text = format!("{title:<26}{:>12}{:>12}\n", "raw", "compressed");
    for share in sorted {
        text += &format!(
            "  {:<24}{:>12}{:>12}\n",
            share.name, share.raw, share.packed
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_itself_still_fits() {
        assert_eq!(Budget::Iso.check(44 * MIB), Ok(()));
        let over = Budget::Iso.check(44 * MIB + 1).unwrap_err();
        assert_eq!(
            over.to_string(),
            "0590-813 The ISO without a backup has 46137345 bytes; its budget is 46137344 \
             (see the table of sizes)"
        );
    }

    #[test]
    fn the_table_is_sorted_and_summed() {
        let share = |name: &str, raw, packed| Share {
            name: name.into(),
            raw,
            packed,
        };
        let text = table("initramfs", &[share("init", 9, 2), share("tools", 30, 10)]);
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(lines[1], ["tools", "30", "10"]);
        assert_eq!(lines[2], ["init", "9", "2"]);
        assert_eq!(lines[3], ["together", "39", "12"]);
    }
}
