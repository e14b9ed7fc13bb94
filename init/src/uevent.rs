//! The kernel's events: devices that come and go.
//!
//! A message is `ACTION@DEVPATH`, then `KEY=VALUE` for each property, each
//! ended by a NUL (Documentation/core-api/kobject.rst).

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvmsg,
    setsockopt, socket, sockopt,
};

/// The kernel's multicast group; udevd speaks to another.
const KERNEL_GROUP: u32 = 1;
/// Room for the events of thousands of devices while drivers are starting.
const QUEUE: usize = 4 << 20;
/// The kernel's own limit for a message is 2 KiB of properties.
const LONGEST: usize = 8192;

/// The events' socket. Those that the kernel sends are kept from now on.
pub struct Uevents(OwnedFd);

/// What a look into the queue gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A device appeared, and names itself for drivers.
    Appeared {
        /// What it is.
        modalias: String,
    },
    /// Something else happened.
    Other,
    /// Events were lost: look at sysfs again.
    Lost,
}

impl Uevents {
    /// Opens the socket.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn open() -> Result<Self, Errno> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkKObjectUEvent,
        )?;
        setsockopt(&socket, sockopt::RcvBufForce, &QUEUE)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, KERNEL_GROUP))?;
        Ok(Self(socket))
    }

    /// The next event, or `None` when the queue is empty.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn next(&self) -> Result<Option<Event>, Errno> {
        let mut buffer = [0; LONGEST];
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let received =
            recvmsg::<NetlinkAddr>(self.0.as_raw_fd(), &mut parts, None, MsgFlags::empty());
        let (length, sender) = match received {
            Ok(message) => (message.bytes, message.address),
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR) => return Ok(Some(Event::Other)),
            Err(Errno::ENOBUFS) => return Ok(Some(Event::Lost)),
            Err(error) => return Err(error),
        };
        // Only the kernel has port 0; programs can send to the group as well.
        let from_kernel = sender.is_some_and(|sender| sender.pid() == 0);
        Ok(Some(if from_kernel {
            parse(&buffer[..length])
        } else {
            Event::Other
        }))
    }
}

impl AsFd for Uevents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn parse(message: &[u8]) -> Event {
    let mut fields = message.split(|&byte| byte == 0);
    let mut value = |key: &[u8]| fields.find_map(|field| field.strip_prefix(key));
    // ACTION is the first property, MODALIAS one of the last.
    if value(b"ACTION=") != Some(b"add") {
        return Event::Other;
    }
    match value(b"MODALIAS=") {
        Some(alias) => Event::Appeared {
            modalias: String::from_utf8_lossy(alias).into_owned(),
        },
        None => Event::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded on QEMU's pseries when ibmvscsi was loaded.
    const RECORDED: &[u8] = b"add@/devices/vio/71000002/host0/target0:0:0/0:0:0:0\0\
ACTION=add\0DEVPATH=/devices/vio/71000002/host0/target0:0:0/0:0:0:0\0\
SUBSYSTEM=scsi\0DEVTYPE=scsi_device\0MODALIAS=scsi:t-0x05\0SEQNUM=542\0";

    #[test]
    fn a_new_device_is_known_by_its_modalias() {
        let modalias = "scsi:t-0x05".to_owned();
        assert_eq!(parse(RECORDED), Event::Appeared { modalias });
    }

    #[test]
    fn what_goes_or_has_no_modalias_is_something_else() {
        let text = String::from_utf8_lossy(RECORDED).replace("ACTION=add", "ACTION=bind");
        assert_eq!(parse(text.as_bytes()), Event::Other);
        let text = String::from_utf8_lossy(RECORDED).replace("MODALIAS", "X");
        assert_eq!(parse(text.as_bytes()), Event::Other);
    }

    #[test]
    fn any_prefix_of_a_message_is_harmless() {
        for length in 0..RECORDED.len() {
            let event = parse(&RECORDED[..length]);
            assert_ne!(event, Event::Lost);
        }
    }
}
