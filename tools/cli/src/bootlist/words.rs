//! The devices of the command line, with their attributes.

use std::net::Ipv4Addr;

use lifeboat_boot::ofpath::Call;

/// A device, and what was said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// As it was named.
    pub name: String,
    /// Which of its paths, in this order.
    pub paths: Option<Vec<usize>>,
    /// What the firmware is to be told.
    pub call: Call,
}

/// Reads `hdisk0 pathid=0 eth0 bserver=9.3.1.2`.
///
/// # Errors
/// The sentence that says what is not understood.
pub fn parse(words: &[String]) -> Result<Vec<Wanted>, String> {
    let mut devices: Vec<Wanted> = Vec::new();
    for word in words {
        let Some((attribute, value)) = word.split_once('=') else {
            devices.push(Wanted {
                name: word.clone(),
                ..Wanted::default()
            });
            continue;
        };
        let Some(device) = devices.last_mut() else {
            return Err(format!("0590-744 {word} stands before any device"));
        };
        let address = || {
            let parsed: Result<Ipv4Addr, _> = value.parse();
            parsed
                .map(Some)
                .map_err(|_| format!("0590-745 {word} is no IPv4 address"))
        };
        match attribute {
            "bserver" => device.call.server = address()?,
            "client" => device.call.client = address()?,
            "gateway" => device.call.gateway = address()?,
            "pathid" => device.paths = Some(numbers(word, value)?),
            _ => return Err(refusal(attribute)),
        }
    }
    Ok(devices)
}

fn numbers(word: &str, value: &str) -> Result<Vec<usize>, String> {
    let numbers: Result<Vec<usize>, _> = value.split(',').map(str::parse).collect();
    numbers.map_err(|_| format!("0590-746 {word} is no list of numbers as pathid=0,2"))
}

fn refusal(attribute: &str) -> String {
    let why = match attribute {
        "blv" => "the firmware finds the PReP partition of the disk by itself",
        "speed" | "duplex" => "the adapter finds it out by itself",
        _ => "the attributes are pathid=, bserver=, client= and gateway=",
    };
    format!("0590-747 {attribute}= has no meaning here: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Vec<Wanted>, String> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn attributes_belong_to_the_device_before() {
        let devices = parsed("hdisk0 pathid=2,0 eth0 bserver=9.3.1.2 client=9.3.1.7 sdb").unwrap();
        let names: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(names, ["hdisk0", "eth0", "sdb"]);
        assert_eq!(devices[0].paths, Some(vec![2, 0]));
        assert_eq!(devices[1].call.client, "9.3.1.7".parse().ok());
        assert_eq!(devices[2].call, Call::default());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (line, number) in [
            ("pathid=0 hdisk0", "0590-744"),
            ("eth0 bserver=host", "0590-745"),
            ("hdisk0 pathid=a", "0590-746"),
            ("hdisk0 blv=hd5", "0590-747"),
        ] {
            assert!(parsed(line).unwrap_err().starts_with(number), "{line}");
        }
    }
}
