//! The loopback interface, which the kernel leaves down.
//!
//! One rtnetlink(7) message, so that no program has to be started for it.

use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

const RTM_NEWLINK: u16 = 16;
const NLM_F_REQUEST_ACK: u16 = 1 | 4;
const NLMSG_ERROR: u16 = 2;
const IFF_UP: u32 = 1;
/// In every network namespace.
const LOOPBACK_INDEX: i32 = 1;

/// Takes the interface up, which also gives it its addresses.
///
/// # Errors
/// What the kernel said.
pub fn up() -> Result<(), Errno> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    sendto(
        socket.as_raw_fd(),
        &request(),
        &NetlinkAddr::new(0, 0),
        MsgFlags::empty(),
    )?;
    let mut reply = [0; 1024];
    let length = recv(socket.as_raw_fd(), &mut reply, MsgFlags::empty())?;
    acknowledged(&reply[..length])
}

/// `struct nlmsghdr` and `struct ifinfomsg`, in the machine's byte order.
fn request() -> Vec<u8> {
    let length: u32 = 16 + 16;
    let (sequence, port) = (1_u32, 0_u32);
    let (family, hardware) = (0_u16, 0_u16);
    [
        &length.to_ne_bytes()[..],
        &RTM_NEWLINK.to_ne_bytes(),
        &NLM_F_REQUEST_ACK.to_ne_bytes(),
        &sequence.to_ne_bytes(),
        &port.to_ne_bytes(),
        &family.to_ne_bytes(),
        &hardware.to_ne_bytes(),
        &LOOPBACK_INDEX.to_ne_bytes(),
        &IFF_UP.to_ne_bytes(),
        &IFF_UP.to_ne_bytes(),
    ]
    .concat()
}

/// The answer is an error message, whose number is 0 for success.
fn acknowledged(reply: &[u8]) -> Result<(), Errno> {
    let kind = reply
        .get(4..6)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u16::from_ne_bytes);
    let number = reply
        .get(16..20)
        .and_then(|bytes| bytes.try_into().ok())
        .map(i32::from_ne_bytes);
    match (kind, number) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(number)) => Err(Errno::from_raw(number.wrapping_neg())),
        _ => Err(Errno::EBADMSG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_has_the_length_that_it_says() {
        let request = request();
        assert_eq!(request.len(), 32);
        assert_eq!(request[..4], 32_u32.to_ne_bytes());
    }

    #[test]
    fn the_kernel_understands_the_request() {
        // As an ordinary user the kernel refuses it, as root the interface is up already.
        assert!(matches!(up(), Ok(()) | Err(Errno::EPERM)));
    }

    #[test]
    fn a_short_or_negative_answer_is_an_error() {
        assert_eq!(acknowledged(&[0; 8]), Err(Errno::EBADMSG));
        let mut reply = [0; 36];
        reply[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        assert_eq!(acknowledged(&reply), Ok(()));
        reply[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(acknowledged(&reply), Err(Errno::EPERM));
    }
}
