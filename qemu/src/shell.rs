//! A guest's shell over the serial line.
//!
//! A command is wrapped between two markers that appear on the console only
//! when the shell *runs* the line: `printf` puts them together, so the echo of
//! the line itself does not contain them.

use crate::error::{Error, Result};
use crate::patience::Patience;
use crate::running::Running;

/// The kernel's line editor takes 4095 bytes and a newline; we stay below.
const LONGEST_LINE: usize = 4000;

/// Makes the console a wire for text: no echo, no wrapping, no pager, no
/// messages from the kernel or (signal 21 above SIGRTMIN) from systemd.
const QUIET: &str = "stty -echo cols 500 rows 100; export TERM=dumb PAGER=cat SYSTEMD_PAGER=cat LC_ALL=C; \
    dmesg -n 1; kill -s RTMIN+21 1 2>/dev/null; printf '@%s\n' lifeboat-quiet";

/// What that line prints when it was run: its echo does not contain this.
const IS_QUIET: &str = "@lifeboat-quiet";

/// How long a shell may take to answer a trivial command.
const ANSWER_SECONDS: u64 = 60;

impl Running {
    /// Logs in at a `login:` prompt and quiets the console. The prompt may
    /// still be a whole boot away.
    ///
    /// # Errors
    /// [`Error::Login`] when the guest refuses; [`Error::Late`] and the like.
    pub fn login(&mut self, user: &str, password: &str, patience: Patience) -> Result<()> {
        self.expect("login: ", patience)?;
        self.mark("login prompt");
        let answer = Patience::cpu_seconds(ANSWER_SECONDS);
        self.send_line(user)?;
        self.expect("assword: ", answer)?;
        self.send_line(password)?;
        let prompts = ["Login incorrect", "# ", "$ "];
        if self.expect_any(&prompts, answer)?.which == 0 {
            return Err(Error::Login {
                user: user.to_owned(),
                evidence: self.evidence(),
            });
        }
        self.mark("logged in");
        self.quiet_shell()
    }

    /// Prepares a shell that already shows its prompt for [`Running::shell`].
    ///
    /// # Errors
    /// When the shell does not answer.
    pub fn quiet_shell(&mut self) -> Result<()> {
        let answer = Patience::cpu_seconds(ANSWER_SECONDS);
        self.send_line(QUIET)?;
        // What is typed while the echo is still on mixes with what is printed.
        self.expect(IS_QUIET, answer)?;
        self.shell("true", answer).map(drop)
    }

    /// Runs one command line in the guest; returns its exit status and what it
    /// wrote to standard output and standard error.
    ///
    /// # Errors
    /// [`Error::Shell`] when a serial line cannot carry the command;
    /// [`Error::Late`] and the like when the guest does not answer.
    pub fn shell(&mut self, command: &str, patience: Patience) -> Result<(i32, String)> {
        let fail = |why: String| Error::Shell {
            command: command.to_owned(),
            why,
        };
        self.commands += 1;
        let line = wrapped(command, self.commands).map_err(fail)?;
        let [begin, end] = markers(self.commands);
        self.send_line(&line)?;
        self.expect(&begin, patience)?;
        let output = self.expect(&end, patience)?.before;
        let status = self
            .expect("\n", Patience::cpu_seconds(ANSWER_SECONDS))?
            .before;
        let status = status
            .parse()
            .map_err(|_| fail(format!("status {status:?}")))?;
        Ok((status, output))
    }
}

/// The texts before and behind a command's output.
fn markers(number: u32) -> [String; 2] {
    [
        format!("\n@lifeboat-{number}-begin\n"),
        format!("\n@lifeboat-{number}-end "),
    ]
}

/// The line to type: `printf` joins the halves of the markers.
fn wrapped(command: &str, number: u32) -> std::result::Result<String, String> {
    if command.contains(|c: char| c.is_control()) {
        return Err("a line of input cannot hold control characters".into());
    }
    let line = format!(
        "printf '\\n@%s\\n' lifeboat-{number}-begin; ( {command} ) </dev/null 2>&1; \
         printf '\\n@%s %s\\n' lifeboat-{number}-end $?"
    );
    if line.len() > LONGEST_LINE {
        return Err(format!(
            "{} bytes are too long for a line of input",
            line.len()
        ));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Transcript;

    /// What a console shows while bash runs the line, echo still on.
    fn console(command: &str, number: u32) -> Transcript {
        let line = wrapped(command, number).unwrap();
        let output = lifeboat_sys::run::Tool::new("sh")
            .args(["-c", &line])
            .run()
            .unwrap();
        let mut transcript = Transcript::default();
        transcript.push(b"root@demo:~# ");
        transcript.push(line.as_bytes());
        transcript.push(b"\r\n[   12.3] kernel: a message in between\r\n");
        transcript.push(&output.stdout);
        transcript.push(b"root@demo:~# ");
        transcript
    }

    fn answer(command: &str) -> (String, String) {
        let mut console = console(command, 7);
        let [begin, end] = markers(7);
        console.take(&[&begin]).unwrap();
        let output = console.take(&[&end]).unwrap().before;
        (console.take(&["\n"]).unwrap().before, output)
    }

    #[test]
    fn output_and_status_are_found_between_the_markers() {
        assert_eq!(
            answer("echo one; echo two >&2; false"),
            ("1".into(), "one\ntwo\n".into())
        );
        assert_eq!(
            answer("printf 'no newline'"),
            ("0".into(), "no newline".into())
        );
        assert_eq!(answer("true"), ("0".into(), String::new()));
        assert_eq!(answer("(exit 42)"), ("42".into(), String::new()));
        assert_eq!(answer("cat"), ("0".into(), String::new()));
    }

    #[test]
    fn the_echo_alone_holds_no_marker() {
        let line = format!("# {}\n", wrapped("true", 7).unwrap());
        for marker in markers(7) {
            assert!(!line.contains(marker.trim()), "{marker:?} in {line}");
        }
    }

    #[test]
    fn what_a_line_cannot_carry_is_refused() {
        assert!(
            wrapped("echo a\necho b", 1)
                .unwrap_err()
                .contains("control")
        );
        assert!(
            wrapped(&"x".repeat(LONGEST_LINE), 1)
                .unwrap_err()
                .contains("too long")
        );
    }
}
