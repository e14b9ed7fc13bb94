//! What the kernel's command line asks of us.

use lifeboat_sys::fs::attribute;

/// What starts on the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The menus.
    Menu,
    /// An installation without questions, as bosinst.data says.
    Auto,
    /// The maintenance shell.
    Shell,
}

/// Our options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `lifeboat.mode=menu|auto|shell`.
    pub mode: Mode,
    /// `lifeboat.debug`: everything that happens is shown.
    pub debug: bool,
}

impl Options {
    /// The options of the running kernel, and a sentence about each that makes
    /// no sense.
    pub fn read() -> (Self, Vec<String>) {
        Self::parse(&attribute("/proc/cmdline").unwrap_or_default())
    }

    fn parse(cmdline: &str) -> (Self, Vec<String>) {
        let mut options = Self {
            mode: Mode::Menu,
            debug: false,
        };
        let mut complaints = Vec::new();
        for word in cmdline.split_ascii_whitespace() {
            let Some(option) = word.strip_prefix("lifeboat.") else {
                continue;
            };
            match option.split_once('=') {
                Some(("mode", "menu")) => options.mode = Mode::Menu,
                Some(("mode", "auto")) => options.mode = Mode::Auto,
                Some(("mode", "shell")) => options.mode = Mode::Shell,
                Some(("mode", other)) => complaints.push(format!(
                    "0590-602 lifeboat.mode={other} is none of menu, auto, shell; the menus start"
                )),
                None if option == "debug" => options.debug = true,
                _ => complaints.push(format!("0590-603 Unknown kernel option {word}")),
            }
        }
        (options, complaints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_among_the_kernels() {
        let (options, complaints) = Options::parse(
            "root=/dev/ram0 lifeboat.mode=auto quiet lifeboat.debug xlifeboat.mode=x",
        );
        assert_eq!(
            options,
            Options {
                mode: Mode::Auto,
                debug: true
            }
        );
        assert!(complaints.is_empty());
        assert_eq!(
            Options::parse("").0,
            Options {
                mode: Mode::Menu,
                debug: false
            }
        );
    }

    #[test]
    fn the_last_mode_counts() {
        let (options, _) = Options::parse("lifeboat.mode=menu lifeboat.mode=shell");
        assert_eq!(options.mode, Mode::Shell);
    }

    #[test]
    fn what_makes_no_sense_is_said_and_the_menus_start() {
        let (options, complaints) =
            Options::parse("lifeboat.mode=Shell lifeboat.debug=1 lifeboat.");
        assert_eq!(
            options,
            Options {
                mode: Mode::Menu,
                debug: false
            }
        );
        assert_eq!(
            complaints,
            [
                "0590-602 lifeboat.mode=Shell is none of menu, auto, shell; the menus start",
                "0590-603 Unknown kernel option lifeboat.debug=1",
                "0590-603 Unknown kernel option lifeboat.",
            ]
        );
    }
}
