//! Errors as a person reads them.

use std::error::Error;

/// An error with its causes, as one line: `what: why: and why that`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs;

    #[test]
    fn causes_follow_in_order() {
        let error = fs::read("/no/such/file").unwrap_err();
        assert!(chain(&error).starts_with("0590-001 Cannot read /no/such/file: No such file"));
    }
}
