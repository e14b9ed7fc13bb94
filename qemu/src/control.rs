//! QEMU's control connection (QMP): one JSON object per line each way.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, Result};

/// QEMU answers at once or not at all; its start, too, takes only seconds.
const ANSWER: Duration = Duration::from_secs(60);

/// Lines that may come before an answer. Events are few in a machine's life.
const EVENTS: usize = 1000;

/// The near end of a control connection.
#[derive(Debug)]
pub(crate) struct Control {
    wire: BufReader<UnixStream>,
}

impl Control {
    /// Takes QEMU's greeting and agrees on no extra capability.
    pub(crate) fn greet(wire: UnixStream) -> Result<Self> {
        let timeouts = wire.set_read_timeout(Some(ANSWER));
        timeouts
            .and_then(|()| wire.set_write_timeout(Some(ANSWER)))
            .map_err(|error| failed("connect", &error.to_string()))?;
        let mut control = Self {
            wire: BufReader::new(wire),
        };
        let greeting = control.line("connect")?;
        if greeting.get("QMP").is_none() {
            return Err(failed("connect", &format!("no greeting but {greeting}")));
        }
        control.execute("qmp_capabilities", &json!({}))?;
        Ok(control)
    }

    /// Runs one command and returns what it returns.
    pub(crate) fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        let line = format!("{request}\n");
        let sent = self.wire.get_mut().write_all(line.as_bytes());
        sent.map_err(|error| failed(command, &error.to_string()))?;
        for _ in 0..EVENTS {
            let mut answer = self.line(command)?;
            if let Some(error) = answer.get("error") {
                let why = error.get("desc").and_then(Value::as_str);
                return Err(failed(command, why.unwrap_or("an error without a reason")));
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            log::debug!("QEMU event: {answer}");
        }
        Err(failed(command, "events without end"))
    }

    fn line(&mut self, command: &str) -> Result<Value> {
        let mut line = String::new();
        match self.wire.read_line(&mut line) {
            Ok(0) => Err(failed(command, "the connection was closed")),
            Ok(_) => serde_json::from_str(&line).map_err(|e| failed(command, &e.to_string())),
            Err(error) => Err(failed(command, &error.to_string())),
        }
    }
}

fn failed(command: &str, why: &str) -> Error {
    Error::Control {
        command: command.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const GREETING: &str = r#"{"QMP": {"version": {}, "capabilities": []}}"#;

    /// A far end that says these lines, one before and one for each request.
    fn qemu(lines: &'static [&'static str]) -> Result<Value> {
        let (near, far) = UnixStream::pair().unwrap();
        let server = thread::spawn(move || {
            let mut requests = BufReader::new(far.try_clone().unwrap()).lines();
            for (number, line) in lines.iter().enumerate() {
                if number > 0 {
                    requests.next();
                }
                writeln!(&far, "{line}").unwrap();
            }
        });
        let answer = Control::greet(near)
            .and_then(|mut control| control.execute("query-status", &json!({})));
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_is_found_behind_events() {
        let answer = qemu(&[
            GREETING,
            r#"{"return": {}}"#,
            "{\"event\": \"RESET\"}\n{\"return\": {\"status\": \"running\"}}",
        ]);
        assert_eq!(answer.unwrap()["status"], "running");
    }

    #[test]
    fn an_error_is_given_in_qemus_words() {
        let error = qemu(&[
            GREETING,
            r#"{"return": {}}"#,
            r#"{"error": {"desc": "no such device"}}"#,
        ]);
        let text = error.unwrap_err().to_string();
        assert!(text.ends_with("at query-status: no such device"), "{text}");
    }

    #[test]
    fn a_closed_connection_and_strange_lines_are_errors() {
        let closed = qemu(&[GREETING]).unwrap_err().to_string();
        assert!(closed.contains("qmp_capabilities"), "{closed}");
        assert!(qemu(&["hello"]).is_err());
        assert!(
            qemu(&["{}"])
                .unwrap_err()
                .to_string()
                .contains("no greeting")
        );
    }
}
