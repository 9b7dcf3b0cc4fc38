//! Whose a pipe is: its owner, and the user of the process that serves it.
//!
//! Both count. A process can make others believe that another process serves the pipe; but none that is not privileged
//! can make a pipe with an owner that it is not.

use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{ERROR_PIPE_NOT_CONNECTED, LocalFree};
use windows_sys::Win32::Security::Authorization::{GetSecurityInfo, SE_KERNEL_OBJECT};
use windows_sys::Win32::Security::OWNER_SECURITY_INFORMATION;
use windows_sys::Win32::System::Pipes::GetNamedPipeServerProcessId;

use super::super::Peer;
use super::User;
use super::stream::is;

/// Who serves this pipe.
pub(super) fn peer(pipe: BorrowedHandle<'_>) -> Peer {
    let Ok(own) = User::own() else { return Peer::Unknown };
    let server = match server(pipe) {
        // Who listened has hung up already, and another one may listen.
        Err(error) if is(&error, ERROR_PIPE_NOT_CONNECTED) => return Peer::NotConnected,
        other => other.ok(),
    };
    agreed(owner(pipe).ok(), server, &own)
}

/// Whom both voices name, or the one that is a stranger.
fn agreed(owner: Option<User>, server: Option<User>, own: &User) -> Peer {
    match (owner, server) {
        // Only privileged processes can give it away; and an ordinary user may not look at theirs.
        (Some(owner), _) if owner.is_superuser() => Peer::User(owner),
        (Some(owner), Some(server)) if owner == server => Peer::User(owner),
        (Some(owner), _) if owner != *own => Peer::User(owner),
        (Some(_), Some(server)) => Peer::User(server),
        (None, _) | (_, None) => Peer::Unknown,
    }
}

/// The user of the process that has made this instance.
#[expect(unsafe_code, reason = "GetNamedPipeServerProcessId of Windows")]
fn server(pipe: BorrowedHandle<'_>) -> io::Result<User> {
    let mut id = 0;
    // SAFETY: the handle is open, and the number's place lives through the call.
    if unsafe { GetNamedPipeServerProcessId(pipe.as_raw_handle(), &raw mut id) } == 0 {
        return Err(io::Error::last_os_error());
    }
    User::of_process(id)
}

/// The owner in the pipe's security descriptor.
#[expect(unsafe_code, reason = "GetSecurityInfo of Windows")]
fn owner(pipe: BorrowedHandle<'_>) -> io::Result<User> {
    let mut owner = null_mut();
    let mut descriptor = null_mut();
    // SAFETY: the handle is open, both places live through the call; what is not asked for may be null.
    let error = unsafe {
        GetSecurityInfo(
            pipe.as_raw_handle(),
            SE_KERNEL_OBJECT,
            OWNER_SECURITY_INFORMATION,
            &raw mut owner,
            null_mut(),
            null_mut(),
            null_mut(),
            &raw mut descriptor,
        )
    };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error.cast_signed()));
    }
    let user = if owner.is_null() { Err(io::ErrorKind::NotFound.into()) } else { User::of_sid(owner) };
    // SAFETY: the call above has allocated it with LocalAlloc; the owner, which is in it, is used no more.
    unsafe { LocalFree(descriptor) };
    user
}

#[cfg(test)]
mod tests {
    use super::super::testing::superuser_and_stranger;
    use super::*;

    #[test]
    fn both_the_owner_and_the_server_have_to_be_this_user() -> io::Result<()> {
        let own = User::own()?;
        let (system, stranger) = superuser_and_stranger();
        let agreed =
            |owner: Option<&User>, server: Option<&User>| agreed(owner.cloned(), server.cloned(), &own);
        assert_eq!(agreed(Some(&own), Some(&own)), Peer::User(own.clone()));
        assert_eq!(agreed(Some(&system), None), Peer::User(system.clone()));
        assert_eq!(agreed(Some(&own), Some(&stranger)), Peer::User(stranger.clone()));
        assert_eq!(agreed(Some(&stranger), Some(&own)), Peer::User(stranger.clone()));
        assert_eq!(agreed(Some(&own), Some(&system)), Peer::User(system));
        assert_eq!(agreed(Some(&stranger), None), Peer::User(stranger));
        assert_eq!(agreed(Some(&own), None), Peer::Unknown);
        assert_eq!(agreed(None, Some(&own)), Peer::Unknown);
        Ok(())
    }
}
